// Contract of a deletion over both stores, with the real scripts and a real Postgres: once the outbox is drained past it,
// nothing of the message's text is left in either, whoever had read, refused or committed what before.
import {
  composeMessage,
  connectRedis,
  createChanges,
  createEpochFloors,
  createKeys,
  createOutbox,
  createPartitions,
  createPublisher,
  whenReady,
} from "@rookery/broker";
import { connectStore, createMessages, saveBatch } from "@rookery/store";
import type { Batch } from "@rookery/store";
import { eventually, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { createDrain } from "./drain.ts";
import type { Drain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import { createOutage } from "./outage.ts";

const MARKER = "marker-51c9";
const CHANNEL = "erased";
const ORIGIN = { epoch: 0, seq: 0 };

const postgres = await testPostgres();
const server = await testRedis();
const { redis } = server;
const partitions = createPartitions(4);
const keys = createKeys(partitions);
const commands = connectRedis({ url: server.url, use: "commands", commandTimeoutMs: 2_000 });
const reader = connectRedis({ url: server.url, use: "outbox", commandTimeoutMs: 2_000 });
const store = connectStore({ url: postgres.url, max: 4, application: "erased", statementTimeoutMs: 5_000 });
const messages = createMessages(store);
const outbox = createOutbox({ connection: commands, reader, keys, logEntries: 1_000 });
const shared = {
  ...{ connection: commands, keys, floors: createEpochFloors(), outboxMaxBytes: 2 ** 30, deadlineMs: 2_000 },
  lastSaved: (channel: string) => messages.last(channel),
};
const publisher = createPublisher({ ...shared, partitions });
const changes = createChanges({ ...shared, findStored: (...asked) => messages.find(...asked) });
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const rights = { rightsVersion: 0, freshRights: async () => 0 };
await Promise.all([commands, reader].map((connection) => whenReady(connection, 5_000)));
afterAll(async () => {
  for (const connection of [commands, reader]) connection.disconnect();
  await store.close();
});

let drains: Drain[] = [];
beforeEach(async () => {
  await server.flush();
  await postgres.sql`truncate messages, mentions, reactions, outbox_positions, users, dead_letters, quarantine`;
});
afterEach(async () => {
  await Promise.all(drains.splice(0).map((drain) => drain.stop()));
});

function start(save: (batch: Batch) => ReturnType<typeof saveBatch> = (batch) => saveBatch(store, batch)): void {
  const drain = createDrain({
    ...{ outbox, save, batchEntries: 50, lingerMs: 5 },
    redis: createOutage("Redis", quiet),
    postgres: createOutage("Postgres", quiet),
    holds: createHolds({ log: quiet, streamOf: (partition) => keys.partition(partition).outbox }),
  });
  drain.own([0, 1, 2, 3]);
  drain.start();
  drains.push(drain);
}

let sent = 0;
async function send(body: string): Promise<string> {
  sent += 1;
  const id = `id-${String(sent).padStart(18, "0")}`;
  const draft = { channel: CHANNEL, id, clientId: `c${sent}`, user: "ada", name: "Ada", body };
  await publisher.publish({ ...composeMessage(draft), ...rights, slowModeMs: 0 });
  return id;
}
const about = (id: string) => ({ ...rights, channel: CHANNEL, id, user: "ada" });
const isDrained = async (): Promise<boolean> => (await outbox.waiting()).entries === 0;

const READERS: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  string: (key) => redis.get(key),
  hash: (key) => redis.hgetall(key),
  stream: (key) => redis.xrange(key, "-", "+"),
  zset: (key) => redis.zrange(key, "0", "-1"),
  set: (key) => redis.smembers(key),
};

/** Everything that Redis holds, in any type of key, as one text. */
async function allOfRedis(): Promise<string> {
  const found: string[] = [];
  for (const key of await redis.keys("*")) {
    const type = await redis.type(key);
    const read = READERS[type];
    if (read === undefined) throw new Error(`nobody looks into ${type} ${key}`);
    found.push(`${key} ${JSON.stringify(await read(key))}`);
  }
  return found.join("\n");
}

/** Every row of every table, as text, with what is kept in bytes in hex. */
async function allOfPostgres(): Promise<string> {
  const tables = await postgres.sql<{ name: string }[]>`select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`;
  const rows = await Promise.all(tables.map(({ name }) => postgres.sql.unsafe(`select t::text as row from ${name} t`)));
  return JSON.stringify(rows);
}

async function expectNothingLeft(): Promise<void> {
  await eventually(isDrained);
  expect(await allOfRedis()).not.toContain(MARKER);
  const rows = await allOfPostgres();
  expect(rows).not.toContain(MARKER);
  expect(rows).not.toContain(Buffer.from(MARKER).toString("hex"));
}

const kinds = async (): Promise<unknown[]> =>
  (await messages.after(CHANNEL, ORIGIN, 100)).map(({ frame }): unknown => JSON.parse(frame)["type"]);

it("nothing is left of a message that was stored, edited and deleted, and its positions stay", async () => {
  start();
  const id = await send(`@${MARKER} the ${MARKER}`);
  await changes.edit({ ...about(id), body: `${MARKER} again` });
  await eventually(isDrained);
  expect(await allOfPostgres()).toContain(MARKER);
  await changes.edit({ ...about(id), body: `${MARKER} and again` });
  await changes.delete({ ...about(id), moderates: false });
  await expectNothingLeft();
  expect(await kinds()).toEqual(["message", "edited", "edited", "deleted"]);
});

it("nothing is left of one that was deleted while all of it waited, and its positions are filled", async () => {
  const id = await send(MARKER);
  await changes.edit({ ...about(id), body: `${MARKER} again` });
  await changes.delete({ ...about(id), moderates: false });
  await send("another");
  start();
  await expectNothingLeft();
  expect(await kinds()).toEqual(["message", "edited", "deleted", "message"]);
  const [first] = await messages.after(CHANNEL, ORIGIN, 1);
  expect(JSON.parse(first?.frame ?? "")).toMatchObject({ id, deleted: true, user: "ada", name: "Ada" });
  expect(await messages.find(CHANNEL, id, "ada")).toMatchObject({ position: { seq: 1 }, deleted: { seq: 3 } });
});

it("nothing comes back with a persister that had read it before and commits it after the deletion was drained", async () => {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let isHeld = false;
  start(async (batch) => {
    isHeld = true;
    await opened;
    return saveBatch(store, batch);
  });
  const id = await send(`@${MARKER}`);
  await changes.edit({ ...about(id), body: `${MARKER} again` });
  await eventually(() => isHeld);
  await changes.delete({ ...about(id), moderates: false });
  start();
  await eventually(async () => (await kinds()).length === 3);
  open();
  await expectNothingLeft();
  expect(await kinds()).toEqual(["message", "edited", "deleted"]);
});

it("nothing is left where Postgres had refused it", async () => {
  const id = await send(MARKER);
  const stream = keys.partition(partitions.of(CHANNEL)).outbox;
  const [entry] = await redis.xrange(stream, "-", "+");
  // As it came out of a Redis with a fault of its own.
  await redis.del(stream);
  const spoilt = (entry?.[1] ?? []).map((field) => field.replace(`"body":"${MARKER}`, `"body":"\\u0000${MARKER}`));
  await redis.xadd(stream, entry?.[0] ?? "*", ...spoilt);
  start();
  await eventually(async () => (await postgres.sql`select 1 from dead_letters`).length === 1);
  await eventually(isDrained);
  await changes.delete({ ...about(id), moderates: false });
  await expectNothingLeft();
  expect(await kinds()).toEqual(["message", "deleted"]);
});
