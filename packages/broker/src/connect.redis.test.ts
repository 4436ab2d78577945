// Connections to a real Redis: their states, the check of the server, and the claim on the number of partitions.
import { eventually, startProxy, testRedis } from "@rookery/testkit";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { connectRedis, isReady, whenReady } from "./connect.ts";
import { checkServer, claimPartitionCount } from "./fitness.ts";
import type { ConnectionUse, RedisConnection } from "./connect.ts";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";
import { connected } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const proxy = await startProxy({ target: server.url });
afterAll(() => proxy.close());

const open: RedisConnection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.disconnect();
  proxy.refuse(false);
});

function watched(url: string, use: ConnectionUse): { connection: RedisConnection; told: string[] } {
  const told: string[] = [];
  const onState = (state: string, detail?: string): void =>
    void told.push(detail === undefined ? state : `${state}: ${detail}`);
  const connection = connectRedis({ url, use, commandTimeoutMs: 1_000, onState });
  open.push(connection);
  return { connection, told };
}

describe("a connection", () => {
  it.each(["commands", "subscriptions", "outbox"] as const)("for %s tells its state once per change", async (use) => {
    const { connection, told } = watched(proxy.url(), use);
    await whenReady(connection, 5_000);
    expect(told).toEqual(["ready"]);
    proxy.refuse(true);
    proxy.cut();
    await eventually(() => told.length === 2);
    // several attempts fail meanwhile, none of them is told
    let attempts = 0;
    connection.on("reconnecting", () => (attempts += 1));
    await eventually(() => attempts >= 4);
    expect(told).toHaveLength(2);
    expect(told[1]).toMatch(/^lost/);
    proxy.refuse(false);
    await whenReady(connection, 5_000);
    expect(told).toEqual(["ready", told[1], "ready"]);
  });

  it("to nothing is lost with its reason, and throws nothing", async () => {
    const { connection, told } = watched("redis://127.0.0.1:1", "commands");
    await eventually(() => told.length > 0);
    expect(told[0]).toMatch(/lost: .*ECONNREFUSED/);
    expect(isReady(connection)).toBe(false);
    await expect(whenReady(connection, 20)).rejects.toThrow("not ready within 20 ms");
  });

  it("refuses a command at once while it is not ready", async () => {
    const { connection } = watched("redis://127.0.0.1:1", "commands");
    await expect(connection.get("x")).rejects.toThrow(/enableOfflineQueue/);
  });

  it("is given up when it owes answers for long", async () => {
    const { connection, told } = watched(proxy.url(), "commands");
    await whenReady(connection, 5_000);
    proxy.freeze(true);
    await expect(connection.ping()).rejects.toThrow(/timed out/i);
    await eventually(() => told.length === 2);
    proxy.freeze(false);
    await eventually(() => told.length === 3);
  });
});

describe("the check of the server", () => {
  it("warns when a restart would lose messages", async () => {
    const { warnings } = await checkServer(await connected(server.url));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/appendonly/);
    await redis.config("SET", "appendonly", "yes");
    expect(await checkServer(await connected(server.url))).toEqual({ warnings: [] });
    await redis.config("SET", "appendonly", "no");
  });

  it("refuses a server that may evict keys", async () => {
    await redis.config("SET", "maxmemory-policy", "allkeys-lru");
    await expect(checkServer(await connected(server.url))).rejects.toThrow(/allkeys-lru; noeviction is needed/);
    await redis.config("SET", "maxmemory-policy", "noeviction");
  });
});

describe("the number of partitions", () => {
  it("is claimed by the first start and binds every later one", async () => {
    const connection = await connected(server.url);
    const keys = createKeys(createPartitions(64));
    await claimPartitionCount(connection, keys, 64);
    await claimPartitionCount(connection, keys, 64);
    await expect(claimPartitionCount(connection, keys, 32)).rejects.toThrow(/made with 64 partitions.*32/);
    expect(await redis.get(keys.partitionCount)).toBe("64");
  });
});
