// The registry of living processes, and the version of a channel's rights.
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { connected, keys, newChannel, partitions } from "./publishing.suite.ts";
import { createRegistry } from "./registry.ts";
import type { NodeRecord } from "./registry.ts";
import { rightsVersion } from "./rights-version.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const LEASE_MS = 6_000;
const registry = createRegistry({ connection, keys, leaseMs: LEASE_MS });

beforeEach(() => server.flush());

function record(node: string, more: Partial<NodeRecord> = {}): NodeRecord {
  const counts = { connections: 0, draining: false, startedAt: 1, beatAt: 2, pid: 3 };
  return { node, kind: "edge", version: "0.1.0", ...counts, livingMs: LEASE_MS, ...more };
}

describe("the registry", () => {
  it("lists who lives, with the last word of each", async () => {
    await registry.beat(record("b"));
    await registry.beat(record("a", { kind: "api" }));
    await registry.beat(record("b", { connections: 7, draining: true }));
    expect(await registry.list()).toEqual([
      record("a", { kind: "api" }),
      record("b", { connections: 7, draining: true }),
    ]);
    expect(await redis.pttl(keys.node("a"))).toBeGreaterThan(4_000);
    expect(await redis.pttl(keys.node("a"))).toBeLessThanOrEqual(6_000);
  });

  it("tells which kinds of entries a persister understands, and takes records of builds that do not say", async () => {
    await registry.beat(record("new", { kind: "persister", kinds: 3 }));
    await registry.beat(record("old", { kind: "persister" }));
    await registry.beat(record("odd", { kind: "persister" }));
    await redis.set(keys.node("odd"), JSON.stringify({ ...record("odd"), kinds: "3" }), "PX", 5_000);
    expect((await registry.list()).map(({ node, kinds }) => [node, kinds])).toEqual([
      ["new", 3],
      ["old", undefined],
    ]);
  });

  it("leaves out who has not been heard of, and leaves its record to whoever clears away after it", async () => {
    const brief = createRegistry({ connection, keys, leaseMs: 30 });
    await brief.beat(record("dead"));
    await registry.beat(record("alive"));
    await expect.poll(() => redis.exists(keys.node("dead"))).toBe(0);
    expect(await registry.list()).toEqual([record("alive")]);
    expect((await redis.hkeys(keys.nodes)).toSorted()).toEqual(["alive", "dead"]);
  });

  it("never takes back who was condemned, whatever it says", async () => {
    expect(await registry.beat(record("a"))).toBe("living");
    expect(await connection.rookeryCondemn(keys.node("a"), 10_000)).toBe(0);
    await redis.del(keys.node("a"));
    expect(await connection.rookeryCondemn(keys.node("a"), 10_000)).toBe(1);
    expect(await connection.rookeryCondemn(keys.node("a"), 10_000)).toBe(1);
    expect(await registry.beat(record("a"))).toBe("condemned");
    expect(await registry.orderDrain("a")).toBe(false);
    await registry.lapse(record("a"), 10_000);
    expect(await registry.list()).toEqual([]);
    expect(await redis.get(keys.node("a"))).toBe("condemned");
    expect(await redis.pttl(keys.node("a"))).toBeLessThanOrEqual(10_000);
  });

  it("tells a living node to drain with every beat from then on, and lists it as before", async () => {
    expect(await registry.orderDrain("a")).toBe(false);
    await registry.beat(record("a"));
    expect(await registry.find("a")).toEqual(record("a"));
    expect(await registry.orderDrain("a")).toBe(true);
    expect(await registry.orderDrain("a")).toBe(true);
    expect(await redis.pttl(keys.node("a"))).toBeLessThanOrEqual(6_000);
    expect(await registry.list()).toEqual([record("a")]);
    expect(await registry.beat(record("a", { connections: 1 }))).toBe("told to drain");
    expect(await registry.beat(record("a", { connections: 2 }))).toBe("told to drain");
    expect(await registry.find("a")).toEqual(record("a", { connections: 2 }));
    expect(await connection.rookeryCondemn(keys.node("a"), 10_000)).toBe(0);
  });

  it("gives whoever leaves something behind a last time to live, and keeps its record", async () => {
    await registry.beat(record("a"));
    await registry.lapse(record("a", { draining: true }), 20_000);
    expect(await registry.list()).toEqual([record("a", { draining: true, livingMs: 20_000 })]);
    expect(await redis.pttl(keys.node("a"))).toBeGreaterThan(15_000);
    await registry.lapse(record("a", { draining: true }), 1);
    await expect.poll(() => registry.list()).toEqual([]);
    expect(await redis.hkeys(keys.nodes)).toEqual(["a"]);
  });

  it("forgets at once who leaves, and takes back who returns", async () => {
    await registry.beat(record("a"));
    await registry.leave("a");
    expect(await registry.list()).toEqual([]);
    await registry.beat(record("a"));
    expect(await registry.list()).toHaveLength(1);
  });

  it("leaves out a record it cannot read", async () => {
    await registry.beat(record("a"));
    await redis.set(keys.node("a"), '{"node":"a"}', "PX", 5_000);
    expect(await registry.list()).toEqual([]);
  });

  it("leaves out a record that is no JSON", async () => {
    await registry.beat(record("a"));
    await registry.beat(record("b"));
    await redis.set(keys.node("a"), "{", "PX", 5_000);
    expect(await registry.list()).toEqual([record("b")]);
  });

  it("needs no room in Redis: who comes, stays, goes or is gone is known in a full one too", async () => {
    await createRegistry({ connection, keys, leaseMs: 30 }).beat(record("dead"));
    await redis.config("SET", "maxmemory", "1");
    onTestFinished(async () => void (await redis.config("SET", "maxmemory", "0")));
    await expect(redis.set("x", "y")).rejects.toThrow(/^OOM/);
    await registry.beat(record("a"));
    await registry.beat(record("b"));
    await registry.beat(record("a", { connections: 1 }));
    await expect.poll(() => redis.exists(keys.node("dead"))).toBe(0);
    expect(await registry.list()).toEqual([record("a", { connections: 1 }), record("b")]);
    await registry.leave("b");
    expect(await registry.list()).toEqual([record("a", { connections: 1 })]);
    expect(await redis.hkeys(keys.nodes)).not.toContain("b");
  });

  it("is unavailable without Redis", async () => {
    const lost = await connected(server.url);
    lost.disconnect();
    const away = createRegistry({ connection: lost, keys, leaseMs: 6_000 });
    await expect.poll(() => away.list().catch((error: unknown) => error)).toMatchObject({ code: "unavailable" });
  });
});

describe("the version of a channel's rights", () => {
  it("is 0 until it is raised", async () => {
    const channel = newChannel();
    expect(await rightsVersion(connection, keys, channel)).toBe(0);
    await redis.hset(keys.partition(partitions.of(channel)).rights, channel, 12);
    expect(await rightsVersion(connection, keys, channel)).toBe(12);
  });
});
