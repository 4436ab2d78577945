// Contract of retention over both stores, with the real scripts and a real Postgres: what a channel does not keep is in neither,
// what it keeps is in both, and whoever reads is told the truth about what is missing.
import {
  composeMessage,
  connectRedis,
  createChanges,
  createEpochFloors,
  createExpiry,
  createHistory,
  createKeys,
  createOutbox,
  createPartitions,
  createPublisher,
  whenReady,
} from "@rookery/broker";
import type { Position } from "@rookery/protocol";
import { connectStore, createMessages, createRetention, saveBatch } from "@rookery/store";
import { eventually, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, expect, it } from "vitest";
import { createDrain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import { createOutage } from "./outage.ts";
import type { LookLoop } from "./look-loop.ts";
import { createRetentionLoop } from "./retention.ts";

const MARKER = "marker-8d02";
const DAY_MS = 86_400_000;

const postgres = await testPostgres();
const { sql } = postgres;
const server = await testRedis();
const { redis } = server;
const partitions = createPartitions(4);
const keys = createKeys(partitions);
const commands = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 2_000 });
const reader = connectRedis({ url: server.url, use: "outbox", commandTimeoutMs: 2_000 });
const store = connectStore({ url: postgres.url, max: 4, application: "retention", statementTimeoutMs: 5_000 });
const messages = createMessages(store);
const outbox = createOutbox({ connection: commands, reader, keys, logEntries: 1_000 });
const shared = {
  ...{ connection: commands, keys, floors: createEpochFloors(), outboxMaxBytes: 2 ** 30, deadlineMs: 2_000 },
  lastSaved: (channel: string) => messages.last(channel),
};
const publisher = createPublisher({ ...shared, partitions });
const changes = createChanges({ ...shared, findStored: (...asked) => messages.find(...asked) });
const history = createHistory({ connection: commands, keys, cold: messages, statements: 4 });
const expiry = createExpiry({ connection: commands, keys });
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const rights = { rightsVersion: 0, freshRights: async () => 0 };
const drain = createDrain({
  ...{ outbox, save: (batch) => saveBatch(store, batch), batchEntries: 50, lingerMs: 5 },
  redis: createOutage("Redis", quiet),
  postgres: createOutage("Postgres", quiet),
  holds: createHolds({ log: quiet, streamOf: (partition) => keys.partition(partition).outbox }),
});
await Promise.all([commands, reader].map((connection) => whenReady(connection, 5_000)));
drain.start();
afterAll(async () => {
  await drain.stop();
  for (const connection of [commands, reader]) connection.disconnect();
  await store.close();
});

const faults: unknown[] = [];
beforeEach(async () => {
  faults.length = 0;
  drain.own([]);
  await server.flush();
  // A batch of the test before may be under way, and the two then wait for each other's locks: Postgres ends one of them.
  const empty = () =>
    sql`truncate messages, mentions, reactions, outbox_positions, users, dead_letters, quarantine, channels cascade`;
  await eventually(() => empty());
  drain.own([0, 1, 2, 3]);
  drain.reread();
});

let sent = 0;
async function send(channel: string, body: string): Promise<{ id: string; position: Position }> {
  sent += 1;
  const id = `id-${String(sent).padStart(18, "0")}`;
  const draft = { channel, id, clientId: `c${sent}`, user: "ada", name: "Ada", body };
  const { position } = await publisher.publish({ ...composeMessage(draft), ...rights, slowModeMs: 0 });
  return { id, position };
}
async function drained(): Promise<void> {
  await eventually(async () => (await outbox.waiting()).entries === 0);
}
async function keepsDays(channel: string, days: number): Promise<void> {
  await sql`insert into channels (id, kind, owner, retention_days) values (${channel}, 'public', 'ada', ${days})`;
}
/** A moment after all that was sent and before all that will be. */
async function moment(): Promise<number> {
  const now = await expiry.nowMs();
  await expect.poll(() => expiry.nowMs()).toBeGreaterThan(now + 1);
  return now + 1;
}
/** One to whom it is this time. */
const loopAt = (nowMs: number, node = "one"): LookLoop =>
  createRetentionLoop({
    redis: { ...expiry, nowMs: async () => nowMs },
    postgres: createRetention(store),
    node: () => node,
    removed: () => undefined,
    fault: (error) => faults.push(error),
  });

/** Everything that both stores hold, as texts. */
async function everything(): Promise<string> {
  const found: unknown[] = [];
  for (const key of await redis.keys("*")) {
    const type = await redis.type(key);
    if (type === "stream") found.push(await redis.xrange(key, "-", "+"));
    if (type === "hash") found.push(await redis.hgetall(key));
    if (type === "string") found.push(await redis.get(key));
  }
  for (const table of ["messages", "reactions", "mentions", "dead_letters", "quarantine"])
    found.push(await sql`select t::text from ${sql(table)} t`);
  return JSON.stringify(found);
}

it("what is older than a channel keeps is in neither store, and all that is younger is in both", async () => {
  await keepsDays("days", 1);
  const first = await send("days", MARKER);
  const about = { ...rights, channel: "days", id: first.id, user: "ada" };
  await changes.edit({ ...about, body: `edited ${MARKER}` });
  await changes.react({ ...about, emoji: "👍", on: true });
  const old = await send("days", `@bob ${MARKER}`);
  await send("ever", "stays");
  const cutMs = await moment();
  const young = [await send("days", "young 1"), await send("days", "young 2")];
  await drained();
  await loopAt(cutMs + DAY_MS).look();
  expect(faults).toEqual([]);
  expect(await everything()).not.toContain(MARKER);
  const stored = await messages.after("days", { epoch: 0, seq: 0 }, 10);
  expect(stored.map(({ position }) => position)).toEqual(young.map(({ position }) => position));
  expect(await redis.xlen(keys.channel("days").log)).toBe(2);
  expect(await messages.after("ever", { epoch: 0, seq: 0 }, 10)).toHaveLength(1);

  // Whoever stands before it is told that something is missing, whoever stands right behind it that nothing is.
  const isRecovered = async (after: Position): Promise<boolean> =>
    (await history.forward("days", after, 50, 60_000)).recovered;
  expect(await isRecovered(first.position)).toBe(false);
  expect(await isRecovered({ epoch: 0, seq: 0 })).toBe(false);
  expect(await isRecovered(old.position)).toBe(true);
  const page = await history.backward("days", undefined, 50, 60_000);
  expect(page.frames).toHaveLength(2);
  expect((await send("days", "next")).position.seq).toBe((young[1]?.position.seq ?? 0) + 1);
});

it("a channel that Redis has let go, and in which all is too old, goes on where it stood", async () => {
  await keepsDays("silent", 3);
  await send("silent", MARKER);
  const last = await send("silent", MARKER);
  await drained();
  await redis.del(...["head", "log"].map((name) => `{${partitions.tag(partitions.of("silent"))}}:${name}:silent`));
  await loopAt((await moment()) + 3 * DAY_MS).look();
  const [row] =
    await sql`select string_agg(body, '') as text, count(*)::integer as rows from messages where channel = 'silent'`;
  expect(row).toEqual({ text: null, rows: 1 });
  expect((await history.head("silent")).position).toEqual(last.position);
  const { position } = await send("silent", "again");
  expect(position).toEqual({ ...last.position, seq: last.position.seq + 1 });
});

it("what waits for Postgres stays, however old it is", async () => {
  drain.own([]);
  await keepsDays("waits", 1);
  await send("waits", MARKER);
  const lateMs = (await moment()) + 9 * DAY_MS;
  await loopAt(lateMs).look();
  expect(await redis.xlen(keys.channel("waits").log)).toBe(1);
  drain.own([0, 1, 2, 3]);
  await drained();
  await loopAt(lateMs).look();
  expect(await everything()).not.toContain(MARKER);
});

it("of a deleted channel nothing is left in either store once nothing of it waits, and then nobody looks again", async () => {
  drain.own([]);
  await keepsDays("deleted", 1);
  await send("deleted", MARKER);
  await sql`update channels set deleted_at = now_ms() where id = 'deleted'`;
  const nowMs = await expiry.nowMs();
  await loopAt(nowMs).look();
  expect(await redis.xlen(keys.channel("deleted").log)).toBe(1);
  drain.own([0, 1, 2, 3]);
  await drained();
  await loopAt(nowMs).look();
  expect(await everything()).not.toContain(MARKER);
  expect(await messages.last("deleted")).toEqual({ epoch: 0, seq: 0 });
  const due = () => createRetention(store).due("", 10);
  await loopAt(nowMs).look();
  expect(await due()).toHaveLength(1);
  await loopAt(nowMs + 700_000).look();
  expect(await due()).toEqual([]);
});

it("of two persisters one sweeps", async () => {
  await keepsDays("one", 1);
  await send("one", MARKER);
  await drained();
  const nowMs = (await moment()) + 2 * DAY_MS;
  expect(await expiry.holds("one", 60_000)).toBe(true);
  await loopAt(nowMs, "two").look();
  expect(await everything()).toContain(MARKER);
  await loopAt(nowMs, "one").look();
  expect(await everything()).not.toContain(MARKER);
});

it("a store that is away is no fault: the next sweep goes on", async () => {
  await keepsDays("later", 1);
  await send("later", MARKER);
  await drained();
  const nowMs = (await moment()) + 2 * DAY_MS;
  const away = connectStore({
    ...{ url: "postgres://nobody@127.0.0.1:1/none", max: 1, application: "away", statementTimeoutMs: 1_000 },
  });
  const loop = createRetentionLoop({
    ...{ redis: expiry, postgres: createRetention(away), node: () => "one" },
    removed: () => undefined,
    fault: (error) => faults.push(error),
  });
  await loop.look();
  await away.close();
  expect(faults).toEqual([]);
  await loopAt(nowMs).look();
  expect(await everything()).not.toContain(MARKER);
});
