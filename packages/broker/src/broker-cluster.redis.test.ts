// Publishing, reading, saving and the registry on a Redis Cluster of two masters: the same code, the same promises.
import { ChatError, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { eventually, testRedis } from "@rookery/testkit";
import type { TestRedis } from "@rookery/testkit";
import { afterAll, expect, it } from "vitest";
import { connectRedis, whenReady } from "./connect.ts";
import { checkServer, claimPartitionCount } from "./fitness.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createHistory } from "./history.ts";
import { createPast } from "./past.fixture.ts";
import { createKeys } from "./keys.ts";
import { createOutbox } from "./outbox.ts";
import { clusterSlot, createPartitions } from "./partitions.ts";
import { connected, publication, publisherOn, readMessages } from "./publishing.suite.ts";
import { createRegistry } from "./registry.ts";
import { createShedding } from "./shedding.ts";

const nodes = await Promise.all([oneNode(), oneNode()]);
const [left, right] = nodes;
const url = `redis+cluster://127.0.0.1:${left.port},127.0.0.1:${right.port}`;
const partitions = createPartitions(8);
const keys = createKeys(partitions);
const channels = Array.from({ length: 40 }, (_, n) => `room-${n}`);
const allPartitions = Array.from({ length: partitions.count }, (_, partition) => partition);

await left.redis.call("CLUSTER", "ADDSLOTSRANGE", 0, 8_191);
await right.redis.call("CLUSTER", "ADDSLOTSRANGE", 8_192, 16_383);
await left.redis.call("CLUSTER", "MEET", "127.0.0.1", right.port);
for (const node of nodes) {
  await eventually(async () => {
    const state = String(await node.redis.call("CLUSTER", "INFO"));
    return state.includes("cluster_state:ok") && state.includes("cluster_known_nodes:2");
  });
}

const connection = await connected(url);
const reader = connectRedis({ url, use: "outbox", commandTimeoutMs: 2_000 });
afterAll(() => reader.disconnect());
await whenReady(reader, 5_000);

const publisher = publisherOn(connection, { keys, partitions });
const outbox = createOutbox({ connection, reader, keys, logEntries: 1_000 });

function oneNode(): Promise<TestRedis> {
  return testRedis({ args: { "cluster-enabled": "yes", "cluster-node-timeout": "2000" } });
}

const codeOf = (error: unknown): string => (error instanceof ChatError ? error.code : String(error));

it("both masters are checked, and one number of partitions holds for the whole", async () => {
  expect((await checkServer(connection)).warnings).toHaveLength(2);
  await claimPartitionCount(connection, keys, 8);
  await expect(claimPartitionCount(connection, keys, 9)).rejects.toThrow(/8 partitions/);
});

it("channels of both masters are published to, read, drained and saved at once", async () => {
  const outcomes = await Promise.all(channels.map((channel) => publisher.publish(publication(channel))));
  expect(outcomes.every(({ position }) => position.seq === 1)).toBe(true);
  const history = createHistory({ connection, keys, cold: createPast(), statements: 4 });
  const pages = await Promise.all(channels.map((channel) => history.forward(channel, ORIGIN, 10, 10_000)));
  expect(pages.every((page) => page.recovered && page.frames.length === 1)).toBe(true);

  const entries = await readMessages(
    outbox,
    new Map(allPartitions.map((partition) => [partition, BEFORE_FIRST_ENTRY])),
    100,
    1_000,
  );
  expect(new Set(entries.map(({ channel }) => channel))).toEqual(new Set(channels));
  for (const partition of allPartitions) {
    const own = entries.filter((entry) => entry.partition === partition);
    const last = own.at(-1);
    if (last === undefined) continue;
    const saved = new Map<string, Position>(own.map(({ channel, position }) => [channel, position]));
    await outbox.save(partition, {
      last: last.id,
      cumulativeBytes: last.cumulativeBytes,
      channels: saved,
      unstored: false,
    });
  }
  expect(await outbox.waiting()).toMatchObject({ entries: 0, bytes: 0 });
  const heads = await Promise.all(channels.map((channel) => history.head(channel)));
  expect(heads.every((head) => head.saved.seq === 1 && head.position.seq === 1)).toBe(true);
});

it("an outbox that has nothing is asked again until something is there", async () => {
  const waiting = readMessages(
    outbox,
    new Map(allPartitions.map((partition) => [partition, BEFORE_FIRST_ENTRY])),
    100,
    2_000,
  );
  await publisher.publish(publication(channels[0] ?? ""));
  expect(await waiting).toHaveLength(1);
});

it("both masters losing their scripts is not noticed", async () => {
  await Promise.all(nodes.map((node) => node.redis.script("FLUSH")));
  const outcomes = await Promise.all(channels.map((channel) => publisher.publish(publication(channel))));
  expect(outcomes.every((outcome) => "position" in outcome)).toBe(true);
});

it("the registry lists nodes whose leases lie on different masters", async () => {
  const registry = createRegistry({ connection, keys, leaseMs: 6_000 });
  const record = {
    kind: "edge",
    pid: 1,
    version: "0",
    startedAt: 1,
    connections: 0,
    draining: false,
    beatAt: 1,
  } as const;
  const names = ["n1", "n2", "n3", "n4", "n5", "n6"];
  await Promise.all(names.map((node) => registry.beat({ node, ...record })));
  expect((await registry.list()).map(({ node }) => node)).toEqual(names);
  await registry.leave("n3");
  expect(await registry.list()).toHaveLength(5);
});

it("while a slot is moving its partition is unavailable or served, never unknown, and nothing is applied twice", async () => {
  const partition = partitions.of("room-0");
  const slot = clusterSlot(partitions.tag(partition));
  const [from, to] = slot < 8_192 ? [left, right] : [right, left];
  const ids = await Promise.all([from, to].map(async (node) => String(await node.redis.call("CLUSTER", "MYID"))));
  const [fromId = "", toId = ""] = ids;
  await to.redis.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
  await from.redis.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
  const moved = await from.redis.cluster("GETKEYSINSLOT", slot, 1_000);
  const half = moved.slice(0, Math.ceil(moved.length / 2));
  const rest = moved.slice(half.length);
  const move = (names: string[]): Promise<unknown> =>
    from.redis.call("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", ...names);
  await move(half);
  const messages = Array.from({ length: 10 }, () => publication("room-0"));
  const during = await Promise.all(messages.map((message) => publisher.publish(message).then(() => "ok", codeOf)));
  expect(["ok", "unavailable"]).toEqual(expect.arrayContaining(during));
  if (rest.length > 0) await move(rest);
  for (const node of [to, from]) await node.redis.call("CLUSTER", "SETSLOT", slot, "NODE", toId);
  const after = await eventually(() => Promise.all(messages.map((message) => publisher.publish(message))));
  expect(new Set(after.map(({ position }) => position.seq)).size).toBe(messages.length);
});

it("log is shed on the master that is nearly full, and on no other", async () => {
  const shedding = createShedding({ connection, keys });
  // the test before this one moved a partition
  const settled = channels.filter((channel) => partitions.of(channel) !== partitions.of("room-0"));
  const lengths = (): Promise<number[]> =>
    Promise.all(settled.map((channel) => connection.xlen(keys.channel(channel).log)));
  for (const channel of settled) await publisher.publish(publication(channel));
  const entries = await readMessages(outbox, new Map(allPartitions.map((n) => [n, BEFORE_FIRST_ENTRY])), 10_000, 0);
  for (const { partition, id: last, cumulativeBytes, channel, position } of entries) {
    await outbox.save(partition, { last, cumulativeBytes, channels: new Map([[channel, position]]), unstored: false });
  }
  const before = await lengths();
  expect(await shedding.fullness()).toBeUndefined();
  await right.redis.config("SET", "maxmemory", "1000000");
  expect(await shedding.fullness()).toBeGreaterThan(1);
  const shed = await shedding.shed(allPartitions, 10_000, false);
  await right.redis.config("SET", "maxmemory", "0");
  const isRight = settled.map((channel) => clusterSlot(partitions.tag(partitions.of(channel))) > 8_191);
  expect(await lengths()).toEqual(before.map((length, at) => (isRight[at] ? 0 : length)));
  expect(shed.entries).toBeGreaterThan(0);
});
