import { randomInt } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { comparePositions, eventually, parseMetrics, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame } from "@rookery/testkit";
import { Redis } from "ioredis";
import postgres from "postgres";
import type { Sql } from "postgres";
import { expect, it, onTestFailed, onTestFinished } from "vitest";
import { startPersister } from "./persister-process.ts";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";
import type { Talk } from "./talk.ts";

const KILLS = 50;
/** Slots of persisters that are killed and filled again side by side. */
const SLOTS = 2;
const SPEAKERS = 8;
const PACE_MS = 40;
/** From the moment at which it says that it drains. */
const LIFE_MOST_MS = 150;
/** While persisters die young nobody can say how long it takes; in the end everybody must have been told. */
const QUIET_MOST_MS = 120_000;
/** Small batches without a pause: a kill is then as likely within a commit, or right behind it, as between two of them. */
const HURRIED = { ROOKERY_BATCH_LINGER_MS: "0", ROOKERY_BATCH_ENTRIES: "50", ROOKERY_LEASE_MS: "1000" };

/** Moments come from this seed; `TEST_SEED` repeats those of a failed run. */
const seed = Number(process.env["TEST_SEED"] ?? randomInt(1, 2 ** 31));

/** Marsaglia's xorshift with 32 bits: whole numbers below a limit. */
function createMoments(from: number): (limit: number) => number {
  let state = from | 0 || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Entries in all outboxes. */
async function waitingEntries(redis: Redis): Promise<number> {
  const keys = await redis.keys("{*}:outbox");
  const lengths = await Promise.all(keys.map((key) => redis.xlen(key)));
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** Partitions of which Postgres has committed more than their Redis was told of. */
async function committedUntold(redis: Redis, sql: Sql): Promise<number> {
  const positions = await sql<{ last: string }[]>`
    select last_epoch || '-' || last_number as last from outbox_positions where last_epoch > 0`;
  const parts = await redis.keys("{*}:part");
  const told = new Set(await Promise.all(parts.map((key) => redis.hget(key, "stored"))));
  return positions.filter(({ last }) => !told.has(last)).length;
}

interface Slaughter {
  /** The most entries that waited after a kill. */
  readonly mostWaiting: number;
  /** Kills after which Redis had still to be told of a commit. */
  readonly behindCommit: number;
}

/** Keeps its slots filled until there were enough kills. */
async function killAgainAndAgain(cluster: Cluster, redis: Redis, sql: Sql, kills: number): Promise<Slaughter> {
  const below = createMoments(seed);
  const seen = { mostWaiting: 0, behindCommit: 0 };
  let left = kills;
  const fillSlot = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const persister = await startPersister(cluster, HURRIED);
      await delay(below(LIFE_MOST_MS));
      await persister.kill();
      const [waiting, untold] = await Promise.all([waitingEntries(redis), committedUntold(redis, sql)]);
      seen.mostWaiting = Math.max(seen.mostWaiting, waiting);
      if (untold > 0) seen.behindCommit += 1;
    }
  };
  await Promise.all(Array.from({ length: SLOTS }, fillSlot));
  return seen;
}

interface Witness {
  readonly checked: () => number;
  /** What was told and not yet stored, in words. */
  readonly ahead: readonly string[];
  end(): Promise<void>;
}

/**
 * Asks Postgres at each `persisted` whether it holds what this session had acknowledged up to there. While one question is
 * under way, later frames wait and the newest of them is asked about next.
 */
function watchPersisted(client: ChatClient, channel: string, sql: Sql): Witness {
  const ahead: string[] = [];
  let checked = 0;
  let read = 0;
  let acknowledged: Frame[] = [];
  const newest = (): Frame | undefined => {
    let told: Frame | undefined;
    for (; read < client.frames.length; read += 1) {
      const frame = client.frames[read];
      if (frame?.type === "persisted") told = frame;
      if (frame?.type === "ok" && frame["clientId"] !== undefined) acknowledged.push(frame);
    }
    return told;
  };
  const place = ({ epoch = 0, seq = 0 }: Frame) => ({ epoch, seq });
  const ask = async (told: Frame): Promise<void> => {
    const claimed = acknowledged.filter((one) => comparePositions(place(one), place(told)) <= 0);
    // One session's sends in one channel stand in the order of their answers.
    acknowledged = acknowledged.slice(claimed.length);
    const ids = claimed.map(({ id = "" }) => id);
    const found = await sql<{ id: string }[]>`select id from messages where channel = ${channel} and id = any(${ids})`;
    const stored = new Set(found.map(({ id }) => id));
    checked += 1;
    ahead.push(...ids.filter((id) => !stored.has(id)).map((id) => `${client.name} was told that ${id} is stored`));
  };
  const ending = new AbortController();
  const ended = once(ending.signal, "abort");
  const watch = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await Promise.race([
        client.waitFor(({ type }) => type === "persisted", { from: read, withinMs: QUIET_MOST_MS }),
        ended,
      ]);
      const told = newest();
      if (told !== undefined) await ask(told);
    }
  };
  const over = watch();
  over.catch(() => undefined);
  return {
    ahead,
    checked: () => checked,
    end: async () => {
      ending.abort();
      await over;
    },
  };
}

const lastAcknowledged = (talk: Talk, client: ChatClient): Frame | undefined =>
  talk.said.findLast((one) => one.client === client && one.reply?.type === "ok")?.reply;

it(`persisters are killed ${KILLS} times at random moments: each message is stored once, and persisted never says too much`, async () => {
  onTestFailed(() => void process.stderr.write(`moments of TEST_SEED=${seed}\n`));
  const cluster = await startCluster({ edges: 2, persisters: 1, set: { ...UNHURRIED, ...HURRIED } });
  const redis = new Redis(cluster.ready.redis);
  const sql = postgres(cluster.ready.postgres, { max: SPEAKERS, onnotice: () => undefined });
  onTestFinished(async () => {
    redis.disconnect();
    await sql.end({ timeout: 1 });
  });
  const speakers = await Promise.all(
    Array.from({ length: SPEAKERS }, async (_, n) => {
      const client = await cluster.client(`user-${n}`, { edge: n % 2 });
      onTestFinished(() => client.close());
      const channel = `stored-${Math.floor(n / 2)}`;
      await client.join(channel, { persisted: true });
      return { client, channel };
    }),
  );
  const clients = speakers.map(({ client }) => client);
  const witnesses = speakers.map(({ client, channel }) => watchPersisted(client, channel, sql));

  const talk = startTalk(speakers, { paceMs: PACE_MS });
  await eventually(() => witnesses.every(({ checked }) => checked() > 0), { what: "persisted for everybody" });
  cluster.kill("persister-1");
  const { mostWaiting, behindCommit } = await killAgainAndAgain(cluster, redis, sql, KILLS - 1);
  expect(mostWaiting, "entries that waited after a kill").toBeGreaterThan(0);
  expect(behindCommit, "kills between a commit and the word to Redis").toBeGreaterThan(0);
  await talk.end();
  expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);

  const last = await startPersister(cluster, HURRIED);
  await eventually(async () => (await waitingEntries(redis)) === 0, { what: "empty outboxes" });
  for (const client of clients) {
    const { epoch, seq } = lastAcknowledged(talk, client) ?? {};
    await client.waitFor((frame) => frame.type === "persisted" && frame.epoch === epoch && frame.seq === seq);
  }
  await Promise.all(witnesses.map((witness) => witness.end()));
  expect(
    witnesses
      .flatMap(({ ahead }) => ahead)
      .slice(0, 5)
      .join("\n"),
  ).toBe("");

  const rows = await expectPromisesKept({ cluster, talk, clients });
  expect(rows).toHaveLength(talk.acknowledged());
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  expect(await sql`select * from dead_letters`).toHaveLength(0);
  expect(await sql`select * from quarantine`).toHaveLength(0);
  expect(clients.flatMap(closesOf)).toEqual([]);
  await eventually(async () => {
    const metrics = parseMetrics(await (await fetch(`${last.internal}/metrics`)).text());
    return metrics.get("rookery_persister_outbox_entries") === 0;
  });
});
