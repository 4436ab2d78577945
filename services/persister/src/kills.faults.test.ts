// A persister that ends between COMMIT and the word to Redis, a thousand times in a row: a real Redis and a real Postgres, and
// a drain that falls silent at that point as a process does that is killed there. Whatever it had asked of Postgres by then may
// yet be committed, as with a process. Real kills of real processes are in persister-kill.faults.
import {
  composeMessage,
  connectRedis,
  createEpochFloors,
  createKeys,
  createOutbox,
  createPartitions,
  createPublisher,
  whenReady,
} from "@rookery/broker";
import { connectStore, createMessages, createOutboxPositions, saveBatch } from "@rookery/store";
import type { SaveOutcome } from "@rookery/store";
import { eventually, testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, expect, it } from "vitest";
import { createDrain } from "./drain.ts";
import type { Drain } from "./drain.ts";
import { createHolds } from "./holds.ts";
import { createOutage } from "./outage.ts";

const KILLS = 1_000;
const PARTITIONS = 8;
const ALL = Array.from({ length: PARTITIONS }, (_, n) => n);
const CHANNELS = Array.from({ length: 12 }, (_, n) => `killed-${n}`);
/** Fewer than wait at a time: a life has several batches. */
const BATCH_ENTRIES = 8;
/** A read that waits holds the connection for whoever comes after the one that died in it. */
const BLOCK_MS = 5;

const { url, sql } = await testPostgres();
const { url: redisUrl, redis } = await testRedis();
const partitions = createPartitions(PARTITIONS);
const keys = createKeys(partitions);
const commands = connectRedis({ url: redisUrl, use: "commands", commandTimeoutMs: 2_000 });
const reader = connectRedis({ url: redisUrl, use: "outbox", commandTimeoutMs: 2_000 });
const store = connectStore({ url, max: 6, application: "kills", statementTimeoutMs: 5_000 });
const messages = createMessages(store);
const positions = createOutboxPositions(store);
const outbox = createOutbox({ connection: commands, reader, keys, logEntries: 1_000 });
const publisher = createPublisher({
  connection: commands,
  keys,
  partitions,
  floors: createEpochFloors(),
  lastSaved: (channel) => messages.last(channel),
  outboxMaxBytes: 2 ** 30,
  deadlineMs: 5_000,
});
await Promise.all([commands, reader].map((connection) => whenReady(connection, 5_000)));
afterAll(async () => {
  commands.disconnect();
  reader.disconnect();
  await store.close();
});

let published = 0;
async function publishRound(): Promise<void> {
  await Promise.all(
    CHANNELS.map((channel) => {
      published += 1;
      const id = `id-${String(published).padStart(18, "0")}`;
      const draft = { channel, id, clientId: `c${published}`, user: "u", name: "U", body: `${published}` };
      const message = { ...composeMessage(draft), rightsVersion: 0, slowModeMs: 0, freshRights: async () => 0 };
      return publisher.publish(message);
    }),
  );
}

/** Where a life ends: once so many partitions were told of a commit; `isAsked`, the next one is told and does not hear of it. */
interface Ending {
  readonly afterTold: number;
  readonly isAsked: boolean;
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const inserted = { rows: 0, faults: 0 };

/** A drain until its end, and a promise of that. Without an ending it lives until it is stopped. */
function live(ending: Ending | undefined): { readonly drain: Drain; readonly dead: Promise<void> } {
  let die = (): void => undefined;
  const dead = new Promise<void>((resolve) => {
    die = resolve;
  });
  const silence = new Promise<never>(() => undefined);
  let isDead = false;
  let told = 0;
  const count = (outcome: SaveOutcome): SaveOutcome => {
    if (outcome.kind === "saved") inserted.rows += outcome.inserted;
    return outcome;
  };
  const drain = createDrain({
    outbox: {
      read: async (after, limit, blockMs) => {
        const entries = await (isDead ? silence : outbox.read(after, limit, Math.min(blockMs, BLOCK_MS)));
        return isDead ? silence : entries;
      },
      save: async (partition, saved) => {
        if (isDead) return silence;
        if (ending === undefined || told < ending.afterTold) {
          told += 1;
          return outbox.save(partition, saved);
        }
        isDead = true;
        if (ending.isAsked) await outbox.save(partition, saved);
        die();
        return silence;
      },
    },
    save: async (batch) => {
      const outcome = count(await (isDead ? silence : saveBatch(store, batch)));
      return isDead ? silence : outcome;
    },
    batchEntries: BATCH_ENTRIES,
    lingerMs: 0,
    redis: createOutage("Redis", quiet),
    postgres: createOutage("Postgres", { ...quiet, warn: () => void (inserted.faults += 1) }),
    holds: createHolds({ log: quiet, streamOf: (partition) => keys.partition(partition).outbox }),
  });
  drain.own(ALL);
  drain.start();
  return { drain, dead };
}

interface Standing {
  readonly partition: number;
  /** Numbers of entries: committed, told to Redis, and the first that waits. */
  readonly committed: number;
  readonly told: number;
  readonly waits: number;
}

/** Redis first: what it knows by then Postgres must have by now. */
async function standings(): Promise<Standing[]> {
  const ofRedis = await Promise.all(
    ALL.map(async (partition) => {
      const { part, outbox: stream } = keys.partition(partition);
      const [stored, first] = await Promise.all([
        redis.hget(part, "stored"),
        redis.xrange(stream, "-", "+", "COUNT", 1),
      ]);
      const numberOf = (id: string | null | undefined, none: number): number =>
        id == null ? none : Number(id.split("-")[1]);
      return { partition, told: numberOf(stored, 0), waits: numberOf(first[0]?.[0], 0) };
    }),
  );
  const committed = await positions.lastIds();
  return ofRedis.map((one) => ({ ...one, committed: committed.get(one.partition)?.number ?? 0 }));
}

it(`is made good by the next one, ${KILLS} times: each row once, and Redis never knows more than Postgres has`, async () => {
  let behind = 0;
  const tooMuch: Standing[] = [];
  for (let n = 0; n < KILLS; n += 1) {
    await publishRound();
    // Mostly before anybody is told; at times half of a batch is, or one was told and its answer is lost.
    const { dead } = live({ afterTold: n % 4 === 3 ? 1 + (n % 3) : 0, isAsked: n % 5 === 4 });
    await dead;
    const now = await standings();
    if (now.some(({ committed, told }) => committed > told)) behind += 1;
    tooMuch.push(...now.filter(({ committed, told, waits }) => told > committed || waits > committed + 1));
  }
  expect(behind, "kills behind a commit of which Redis had not been told").toBeGreaterThan(KILLS * 0.7);
  expect(tooMuch).toEqual([]);
  await publishRound();
  const { drain } = live(undefined);
  await eventually(async () => (await outbox.waiting()).entries === 0, { withinMs: 30_000, what: "empty outboxes" });
  await drain.stop();
  const rounds = KILLS + 1;
  const found = await sql`
    select channel, count(*)::integer as rows, count(distinct id)::integer as ids, max(seq)::integer as last
    from messages group by channel order by channel`;
  expect(found).toEqual(CHANNELS.toSorted().map((channel) => ({ channel, rows: rounds, ids: rounds, last: rounds })));
  expect(inserted).toEqual({ rows: published, faults: 0 });
  expect(await sql`select from dead_letters union all select from quarantine`).toHaveLength(0);
  expect((await standings()).filter(({ committed, told }) => committed !== told)).toEqual([]);
}, 150_000);
