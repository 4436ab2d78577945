// What only a Cluster can meet, on three masters with replicas: a slot that moves, and one master that is full. What it has in
// common with every other Redis is held by broker-topologies.faults.test.ts.
import { ChatError } from "@rookery/protocol";
import { eventually, testTopology } from "@rookery/testkit";
import { expect, it } from "vitest";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { createKeys } from "./keys.ts";
import { createOutbox } from "./outbox.ts";
import { clusterSlot, createPartitions } from "./partitions.ts";
import { connected, publication, publisherOn, readerOn, readMessages } from "./publishing.suite.ts";
import { createShedding } from "./shedding.ts";

const topology = await testTopology({ kind: "cluster" });
const { servers, clientOf } = topology;
const partitions = createPartitions(8);
const keys = createKeys(partitions);
const channels = Array.from({ length: 40 }, (_, n) => `room-${n}`);
const allPartitions = Array.from({ length: partitions.count }, (_, partition) => partition);

const connection = await connected(topology.url);
const publisher = publisherOn(connection, { keys, partitions });
const outbox = createOutbox({ connection, reader: await readerOn(topology.url), keys, logEntries: 1_000 });

const codeOf = (error: unknown): string => (error instanceof ChatError ? error.code : String(error));

it("a channel of each master can be sent to", async () => {
  const outcomes = await Promise.all(channels.map((channel) => publisher.publish(publication(channel))));
  expect(outcomes.every(({ position }) => position.seq === 1)).toBe(true);
});

it("while a slot is moving its partition is unavailable or served, never unknown, and nothing is applied twice", async () => {
  const partition = partitions.of("room-0");
  const slot = clusterSlot(partitions.tag(partition));
  const server = await topology.masterOf(keys.partition(partition).part);
  const toServer = servers.find(({ role, name }) => role === "master" && name !== server.name) ?? server;
  const [from, to] = [clientOf(server), clientOf(toServer)];
  const ids = await Promise.all([from, to].map(async (node) => String(await node.call("CLUSTER", "MYID"))));
  const [fromId = "", toId = ""] = ids;
  await to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
  await from.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
  const moved = await from.cluster("GETKEYSINSLOT", slot, 1_000);
  const half = moved.slice(0, Math.ceil(moved.length / 2));
  const rest = moved.slice(half.length);
  const move = (names: string[]): Promise<unknown> =>
    from.call("MIGRATE", "127.0.0.1", toServer.port, "", 0, 5_000, "KEYS", ...names);
  await move(half);
  const messages = Array.from({ length: 10 }, () => publication("room-0"));
  const during = await Promise.all(messages.map((message) => publisher.publish(message).then(() => "ok", codeOf)));
  expect(["ok", "unavailable"]).toEqual(expect.arrayContaining(during));
  if (rest.length > 0) await move(rest);
  for (const node of [to, from]) await node.call("CLUSTER", "SETSLOT", slot, "NODE", toId);
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
  const full = await topology.masterOf(keys.channel(settled[0] ?? "").log);
  const isFull = await Promise.all(
    settled.map(async (each) => (await topology.masterOf(keys.channel(each).log)) === full),
  );
  await clientOf(full).config("SET", "maxmemory", "1000000");
  expect(await shedding.fullness()).toBeGreaterThan(1);
  const shed = await shedding.shed(allPartitions, 10_000, false);
  await clientOf(full).config("SET", "maxmemory", "0");
  expect(await lengths()).toEqual(before.map((length, at) => (isFull[at] ? 0 : length)));
  expect(shed.entries).toBeGreaterThan(0);
});
