// Contract of an upgrade, on a real Redis and a real Postgres: two persisters of which one understands a newer kind of entry.
import {
  BEFORE_FIRST_ENTRY,
  connectRedis,
  createKeys,
  createOutbox,
  createPartitions,
  createRegistry,
  NEWEST_KIND,
  whenReady,
} from "@rookery/broker";
import type { Outbox, OutboxEntry } from "@rookery/broker";
import { deletedHalves, editedHalves, messageHalves, reactionHalves, renderFrame } from "@rookery/protocol";
import type { FrameHalves } from "@rookery/protocol";
import { connectStore, saveBatch } from "@rookery/store";
import { eventually, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createDrain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import { createOutage } from "./outage.ts";
import { createShareWatch } from "./share-watch.ts";

const PARTITIONS = 4;
const ALL = Array.from({ length: PARTITIONS }, (_, n) => n);
const LEASE_MS = 2_500;

const postgres = await testPostgres();
const server = await testRedis();
const { redis } = server;
const keys = createKeys(createPartitions(PARTITIONS));
const commands = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 2_000 });
const registry = createRegistry({ connection: commands, keys, leaseMs: LEASE_MS });
const store = connectStore({ url: postgres.url, max: 4, application: "kinds", statementTimeoutMs: 5_000 });
const silent = (): void => undefined;
const quiet = { info: silent, warn: silent, error: silent };
await whenReady(commands, 5_000);
afterAll(async () => {
  commands.disconnect();
  await store.close();
});
beforeEach(async () => {
  await server.flush();
  for (const partition of ALL) await redis.hset(keys.partition(partition).part, { epoch: 5, last: 9, in: 900 });
  await postgres.sql`truncate messages, outbox_positions, dead_letters, reactions`;
});

interface Persister {
  leave(): Promise<void>;
  /** Held partitions, as its gauge tells. */
  held(): number;
  owned(): readonly number[];
  /** As when it is killed: it drains no more, and its lease runs out. */
  die(): Promise<void>;
}

/** As a build reads it that has a row for every kind: what it makes of one is of no matter here. */
function understood(entry: OutboxEntry): OutboxEntry {
  if (entry.kind !== "unknown") return entry;
  const { partition, id } = entry;
  return { kind: "malformed", partition, id, fault: "newer", channel: "", position: { epoch: 0, seq: 0 }, frame: "{}" };
}

/** As a build reads it whose table of kinds ends with `message`: the others are to it what a newer build put there. */
function knowingMessages(entry: OutboxEntry): OutboxEntry {
  if (entry.kind === "message" || entry.kind === "malformed" || entry.kind === "unknown") return entry;
  return { kind: "unknown", partition: entry.partition, id: entry.id, name: entry.kind };
}

const MESSAGES_ONLY = 1;

async function startPersister(node: string, kinds: number): Promise<Persister> {
  const reader = connectRedis({ url: server.url, use: "outbox", commandTimeoutMs: 2_000 });
  await whenReady(reader, 5_000);
  const outbox = createOutbox({ connection: commands, reader, keys, logEntries: 1_000 });
  const read: Outbox["read"] = async (...asked) => {
    const entries = await outbox.read(...asked);
    if (kinds === MESSAGES_ONLY) return entries.map(knowingMessages);
    return kinds > NEWEST_KIND ? entries.map(understood) : entries;
  };
  const holds = createHolds({ log: quiet, streamOf: (partition) => keys.partition(partition).outbox });
  const drain = createDrain({
    outbox: { read, save: (...told) => outbox.save(...told) },
    save: (batch) => saveBatch(store, batch),
    ...{ batchEntries: 50, lingerMs: 5, holds },
    redis: createOutage("Redis", quiet),
    postgres: createOutage("Postgres", quiet),
  });
  let owned: readonly number[] = [];
  let isDead = false;
  const shares = createShareWatch({
    registry,
    ...{ node: () => node, kinds, partitions: PARTITIONS },
    share: (partitions) => {
      owned = partitions;
      if (!isDead) drain.own(partitions);
    },
  });
  const record = { node, kind: "persister", version: "0.1.0", pid: 1, startedAt: 1, kinds } as const;
  const beat = (): Promise<unknown> =>
    registry.beat({ ...record, connections: 0, draining: false, beatAt: Date.now() });
  await beat();
  const beating = setInterval(() => void beat(), 500);
  await shares.start();
  drain.start();
  const die = async (): Promise<void> => {
    isDead = true;
    clearInterval(beating);
    await drain.stop();
  };
  onTestFinished(async () => {
    await die();
    await shares.stop();
    await registry.leave(node);
    reader.disconnect();
  });
  return { leave: () => registry.leave(node), held: () => holds.count(), owned: () => owned, die };
}

const streamOf = (partition: number): string => keys.partition(partition).outbox;
const put = (partition: number, number: number, kind: string) =>
  redis.xadd(streamOf(partition), `5-${number}`, "k", kind, "c", `c${partition}`, "b", number * 100, "f", "{}");
const lengths = (): Promise<number[]> => Promise.all(ALL.map((partition) => redis.xlen(streamOf(partition))));

describe("two persisters of which one understands a newer kind", () => {
  it("leave everything to the newer one, which passes what held a partition of the older", async () => {
    const older = await startPersister("older", NEWEST_KIND);
    expect(older.owned()).toEqual(ALL);
    await put(1, 1, "newer");
    await eventually(() => older.held() === 1);
    expect(await redis.xlen(streamOf(1))).toBe(1);
    const newer = await startPersister("newer", NEWEST_KIND + 1);
    expect(newer.owned()).toEqual(ALL);
    await eventually(() => older.owned().length === 0 && older.held() === 0);
    await eventually(async () => (await redis.xlen(streamOf(1))) === 0);
    expect((await registry.list()).map(({ node, kinds }) => [node, kinds])).toEqual([
      ["newer", NEWEST_KIND + 1],
      ["older", NEWEST_KIND],
    ]);
  });

  it.each(["leaves", "dies"] as const)(
    "when the newer one %s, the older takes over all but what holds a partition",
    async (how) => {
      const older = await startPersister("older", NEWEST_KIND);
      const newer = await startPersister("newer", NEWEST_KIND + 1);
      await eventually(() => older.owned().length === 0);
      await newer.die();
      if (how === "leaves") await newer.leave();
      for (const partition of ALL) await put(partition, 1, "Malformed");
      await put(2, 2, "newer");
      await put(2, 3, "Malformed");
      await eventually(() => older.owned().length === PARTITIONS && older.held() === 1, { withinMs: LEASE_MS * 4 });
      await eventually(async () => String(await lengths()) === "0,0,2,0");
      expect(await postgres.sql`select 1 from dead_letters`).toHaveLength(PARTITIONS);
      const outbox = createOutbox({ connection: commands, reader: commands, keys, logEntries: 1_000 });
      const [first] = await outbox.read(new Map([[2, BEFORE_FIRST_ENTRY]]), 10, 0);
      expect(first).toMatchObject({ kind: "unknown", name: "newer", id: { epoch: 5, number: 2 } });
    },
  );
});

describe("an upgrade to a build that knows edits, deletions and reactions", () => {
  const channel = "upgraded";
  const partition = keys.partitions.of(channel);
  const id = "a-message-of-the-chan";
  const gone = { id, user: "ada", clientId: "c1", name: "Ada", at: 1 };
  const about = { channel, id, user: "ada" };
  let last = 0;

  /** As the script of changes does, at the position of the entry's own number. */
  async function announce(kind: string, halves: FrameHalves, more: readonly string[] = []): Promise<void> {
    last += 1;
    const frame = renderFrame(halves, { epoch: 5, seq: last, at: last });
    const fields = ["k", kind, "c", channel, "p", `5-${last}`, "f", frame, "b", String(last * 100), ...more];
    await redis.xadd(streamOf(partition), `5-${last}`, ...fields);
  }
  const send = () => announce("message", messageHalves({ ...about, clientId: "c1", name: "Ada", body: "first" }));
  const edit = (body: string) => announce("edited", editedHalves({ ...about, body }));
  const react = () => announce("reaction", reactionHalves({ ...about, emoji: "👍", on: true }));
  const remove = () =>
    announce("deleted", deletedHalves(about), ["t", JSON.stringify({ position: "5-1", ...gone }), "e", ""]);
  const stored = async () =>
    (await postgres.sql`select seq::integer, kind, body from messages where channel = ${channel} order by seq`).map(
      ({ seq, kind, body }): unknown => [seq, kind, body],
    );

  beforeEach(() => {
    last = 0;
  });

  it("leaves to the newer build what the older has no row for, and nothing is lost or stored twice", async () => {
    const older = await startPersister("older", MESSAGES_ONLY);
    await send();
    await edit("second");
    await react();
    await eventually(() => older.held() === 1);
    await eventually(async () => (await redis.xlen(streamOf(partition))) === 2);
    expect(await stored()).toEqual([[1, "message", "first"]]);

    const newer = await startPersister("newer", NEWEST_KIND);
    await eventually(() => older.owned().length === 0);
    await eventually(async () => (await redis.xlen(streamOf(partition))) === 0);
    expect(await stored()).toEqual([
      [1, "message", "second"],
      [2, "edited", "second"],
      [3, "reaction", null],
    ]);

    // Back to the older one, which is in the way of nobody once the newer returns.
    await newer.die();
    await newer.leave();
    await eventually(() => older.owned().length === PARTITIONS, { withinMs: LEASE_MS * 4 });
    await edit("third");
    await remove();
    await eventually(() => older.held() === 1);
    expect(await stored()).toHaveLength(3);
    await startPersister("newest", NEWEST_KIND);
    await eventually(async () => (await redis.xlen(streamOf(partition))) === 0);
    expect(await stored()).toEqual([
      [1, "message", null],
      [2, "edited", null],
      [3, "reaction", null],
      [4, "edited", null],
      [5, "deleted", null],
    ]);
    expect(await postgres.sql`select 1 from dead_letters`).toHaveLength(0);
    expect(await postgres.sql`select 1 from reactions`).toHaveLength(0);
  });
});
