// A Redis that comes back older than Postgres: what it has lost is put right, told to whoever listens, and hidden from nobody.
import {
  composeMessage,
  connectRedis,
  createChanges,
  createComparing,
  createEpochFloors,
  createHistory,
  createKeys,
  createOutbox,
  createPartitions,
  createPublisher,
  createTopics,
  BEFORE_FIRST_ENTRY,
  whenReady,
} from "@rookery/broker";
import type { Correction } from "@rookery/broker";
import { formatPosition, ORIGIN } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { connectStore, createMessages, saveBatch } from "@rookery/store";
import { eventually, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, expect, it } from "vitest";
import { createComparisonLoop } from "./comparison.ts";
import { toBatchEntry } from "./rows.ts";
import { savedBatches } from "./saved-batches.ts";

const PARTITION = 1;
const MB = 1_000_000;
const postgres = await testPostgres();
const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const partitions = createPartitions(4);
const keys = createKeys(partitions);
const connect = (use: "commands" | "outbox" | "subscriptions") =>
  connectRedis({ url: server.url, use, commandTimeoutMs: 2_000 });
const [commands, reader] = [connect("commands"), connect("outbox")];
await Promise.all([commands, reader].map((connection) => whenReady(connection, 5_000)));
const store = connectStore({ url: postgres.url, max: 4, application: "older", statementTimeoutMs: 5_000 });
const messages = createMessages(store);
const floors = createEpochFloors();
const numbering = {
  ...{ connection: commands, keys, floors, outboxMaxBytes: 2 ** 30, deadlineMs: 1_000 },
  lastSaved: (channel: string) => messages.last(channel),
};
const publisher = createPublisher({ ...numbering, partitions });
const changes = createChanges({ ...numbering, findStored: (channel, id, user) => messages.find(channel, id, user) });
const history = createHistory({ connection: commands, keys, cold: messages, statements: 4 });
const outbox = createOutbox({ connection: commands, reader, keys, logEntries: 100 });

const corrected: Correction[] = [];
const topics = createTopics({
  ...{ connect: () => connect("subscriptions"), keys, partitions, node: () => "listener" },
  listener: {
    envelope: () => undefined,
    corrected: (_channel, { first, former, prev }) => void corrected.push({ first, former, prev }),
    ...{ fleeting: () => undefined, saved: () => undefined, control: () => undefined, probe: () => undefined },
    ...{ lost: () => undefined, restored: () => undefined },
  },
});
await topics.start();
let raised = 0;
const comparison = createComparisonLoop({
  comparing: createComparing({ connection: commands, keys }),
  owned: () => [PARTITION],
  lasts: (channels) => messages.lasts(channels),
  raised: (heads) => void (raised += heads),
  fault(error) {
    throw error;
  },
});

afterAll(async () => {
  await topics.close();
  for (const connection of [commands, reader]) connection.disconnect();
  await store.close();
});

beforeEach(async () => {
  await server.flush();
  await postgres.sql`truncate messages, outbox_positions, users, dead_letters, quarantine`;
  await redis.hset(keys.partition(PARTITION).part, "envelopes", "7");
  corrected.length = 0;
  raised = 0;
});

let made = 0;
const unlike = (): string => String((made += 1)).padStart(20, "0");

function newChannel(): string {
  for (;;) {
    const channel = `channel-${unlike()}`;
    if (partitions.of(channel) === PARTITION) return channel;
  }
}

interface Sent {
  readonly id: string;
  readonly position: Position;
}

async function send(channel: string, body = "text"): Promise<Sent> {
  const draft = { channel, id: `i${unlike()}`, clientId: `c${unlike()}`, user: "ann", name: "Ann", body };
  const rights = { rightsVersion: 0, slowModeMs: 0, freshRights: () => Promise.resolve(0) };
  return publisher.publish({ ...composeMessage(draft), ...rights });
}

async function sendMany(channel: string, count: number): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (let n = 0; n < count; n += 1) sent.push(await send(channel));
  return sent;
}

/** Commits all that waits and tells Redis, as the drain does; or dies in between. */
async function drain(isKilled = false): Promise<void> {
  const found = await outbox.read(new Map([[PARTITION, BEFORE_FIRST_ENTRY]]), 1_000, 0);
  const entries = found.flatMap((entry) => (entry.kind === "unknown" ? [] : [entry]));
  const readAfter = new Map([[PARTITION, BEFORE_FIRST_ENTRY]]);
  const outcome = await saveBatch(store, { readAfter, entries: entries.map(toBatchEntry) });
  if (isKilled) return;
  for (const [partition, saved] of savedBatches(entries, outcome)) await outbox.save(partition, saved);
}

/** All that Redis knows now; to be gone back to, as another server. */
async function remembered(): Promise<() => Promise<void>> {
  const names = await redis.keys("*");
  const dumps = await Promise.all(names.map(async (name) => [name, await redis.dumpBuffer(name)] as const));
  return async () => {
    await redis.flushall();
    for (const [name, dump] of dumps) await redis.restore(name, 0, dump);
    await redis.debug("CHANGE-REPL-ID");
  };
}

const texts = (frames: readonly StoredFrame[]): string[] => frames.map(({ position }) => formatPosition(position));
const newest = async (channel: string): Promise<StoredFrame[]> =>
  (await history.backward(channel, undefined, 50, MB)).frames;
const at = (sent: readonly Sent[]): string[] => sent.map(({ position }) => formatPosition(position));

it("what an epoch follows is put right once it is stored: for listeners, and for whoever reads later from anywhere", async () => {
  const channel = newChannel();
  await topics.subscribe(channel);
  const kept = await sendMany(channel, 3);
  await drain();
  const goBack = await remembered();
  const lost = await sendMany(channel, 3);
  await drain();
  await goBack();
  const after = await sendMany(channel, 2);
  const [first] = after;
  const [former, prev] = [kept.at(-1)?.position ?? ORIGIN, lost.at(-1)?.position ?? ORIGIN];
  expect((await history.forward(channel, former, 50, MB)).frames).toHaveLength(2);

  // Whoever commits it and dies leaves it to the next one.
  await drain(true);
  await drain(true);
  expect(corrected).toEqual([]);
  await drain();
  const correction = { first: first?.position, former, prev };
  await eventually(() => corrected.length > 0);
  expect(corrected).toEqual([correction]);
  expect((await history.head(channel)).corrected).toEqual([correction]);
  const all = [...kept, ...lost, ...after];
  expect(await redis.hget(keys.channel(channel).head, "prev")).toBe(formatPosition(prev));
  expect(texts(await newest(channel))).toEqual(at(all));
  for (const [n, { position }] of all.entries()) {
    const page = await history.forward(channel, position, 50, MB);
    expect([page.recovered, texts(page.frames)]).toEqual([true, at(all.slice(n + 1))]);
  }
  // Of what stands before it the log has nothing any more, and what follows is as ever.
  expect((await redis.xrange(keys.channel(channel).log, "-", "+")).map(([id]) => id)).toEqual(at(after.slice(1)));
  const more = await sendMany(channel, 2);
  await drain();
  expect(texts(await newest(channel))).toEqual(at([...all, ...more]));
  expect(corrected).toHaveLength(1);
});

it("each of two epochs that began while nothing was stored is put right by itself", async () => {
  const channel = newChannel();
  await topics.subscribe(channel);
  const kept = await sendMany(channel, 2);
  await drain();
  const goBack = await remembered();
  const lost = await sendMany(channel, 2);
  await drain();
  await goBack();
  const second = await sendMany(channel, 1);
  await redis.debug("CHANGE-REPL-ID");
  const third = await sendMany(channel, 2);
  await drain();
  await eventually(() => corrected.length > 0);
  const [former, prev] = [kept[1]?.position, lost[1]?.position];
  expect(corrected).toEqual([{ first: second[0]?.position, former, prev }]);
  const all = [...kept, ...lost, ...second, ...third];
  expect(texts((await history.forward(channel, ORIGIN, 50, MB)).frames)).toEqual(at(all));
  expect(texts(await newest(channel))).toEqual(at(all));
});

it("where nothing was lost nothing is put right, whoever serves", async () => {
  const channel = newChannel();
  await topics.subscribe(channel);
  await sendMany(channel, 3);
  await drain();
  await redis.debug("CHANGE-REPL-ID");
  await sendMany(channel, 1);
  await drain();
  await comparison.look();
  expect(await history.head(channel)).not.toHaveProperty("corrected");
  expect([corrected, raised]).toEqual([[], 0]);
});

it("a channel in which nobody speaks afterwards shows what is stored, and no text that was deleted meanwhile", async () => {
  const channel = newChannel();
  const secret = await send(channel, "a secret");
  const kept = await sendMany(channel, 2);
  await drain();
  const goBack = await remembered();
  const rights = { rightsVersion: 0, freshRights: () => Promise.resolve(0) };
  await changes.delete({ channel, id: secret.id, user: "ann", moderates: false, ...rights });
  const lost = await sendMany(channel, 2);
  await drain();
  await goBack();
  const stands = async () =>
    (await newest(channel)).map(({ position, frame }) => [position.seq, frame.includes("a secret")]);
  expect(await stands()).toEqual([1, 2, 3].map((seq) => [seq, seq === 1]));

  await comparison.look();
  expect(raised).toBe(1);
  expect(await stands()).toEqual([1, 2, 3, 5, 6].map((seq) => [seq, false]));
  expect((await redis.dumpBuffer(keys.channel(channel).log)).includes("a secret")).toBe(false);
  const last = lost.at(-1)?.position ?? ORIGIN;
  expect((await history.head(channel)).position).toEqual(last);
  const forward = await history.forward(channel, kept.at(-1)?.position ?? ORIGIN, 50, MB);
  expect([forward.recovered, forward.frames.map(({ position }) => position.seq)]).toEqual([true, [4, 5, 6]]);

  // Compared once: from here on it is as every other.
  await comparison.look();
  expect(raised).toBe(1);
  const next = await send(channel);
  expect((await history.forward(channel, last, 50, MB)).recovered).toBe(true);
  await drain();
  expect((await messages.after(channel, last, 10))[0]).toMatchObject({ position: next.position, prev: last });
  expect(corrected).toEqual([]);
});

it("nothing is compared before all that the other server had waiting is stored", async () => {
  const channel = newChannel();
  await sendMany(channel, 2);
  await drain();
  const goBack = await remembered();
  await sendMany(channel, 2);
  await drain();
  await goBack();
  const quiet = newChannel();
  await sendMany(quiet, 3);
  await comparison.look();
  expect(raised).toBe(0);
  expect(await redis.xlen(keys.channel(quiet).log)).toBe(3);
  await drain();
  await comparison.look();
  expect(raised).toBe(1);
  expect(await redis.xlen(keys.channel(quiet).log)).toBe(3);
  expect(await redis.xlen(keys.channel(channel).log)).toBe(0);
});
