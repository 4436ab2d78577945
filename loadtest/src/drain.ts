// drain: how fast a persister empties a backlog, end to end, beside COPY into one table with the same columns and indexes and
// beside one insert a row, in the same Postgres and in turns; and what it costs, and how soon a message is `persisted`,
// while little is sent. On one Redis, or with `--redis` under Sentinels or on a Cluster.

import type { ChildProcess } from "node:child_process";
import { connectRedis, createKeys, createPartitions, whenReady } from "@rookery/broker";
import type { RedisConnection } from "@rookery/broker";
import type { RedisKind } from "@rookery/servers";
import { compare } from "./compare.ts";
import type { Comparison, Figures, Side } from "./compare.ts";
import { createFlatTable, copyLine } from "./flat-table.ts";
import type { FlatTable, Row } from "./flat-table.ts";
import { lightLoad } from "./light-load.ts";
import { fillOutboxes, waitingEntries } from "./outbox-backlog.ts";
import { cpuSeconds, familyCpuSeconds } from "./process-cost.ts";
import { round } from "./report.ts";
import type { Report } from "./report.ts";
import { startRig } from "./rig.ts";
import type { Rig } from "./rig.ts";

const ROUNDS = 3;
const ROUND_ENTRIES = 100_000;
const LARGE_ENTRIES = 1_000_000;
const SINGLE_ROWS = 1500;
const CHANNELS = 500;
const USERS = 2000;
const BODY = "x".repeat(120);
const EPOCH = 1_760_000_000_000;
const LINES_A_CHUNK = 500;
const LOOK_EVERY_MS = 10;
const BUDGET = { ROOKERY_OUTBOX_MAX_BYTES: String(64 * 2 ** 30) };

const keys = createKeys(createPartitions(64));

/** Filling runs long scripts. */
const FILLED_WITHIN_MS = 60_000;

interface Ground {
  readonly rig: Rig;
  /** By which outboxes are filled and looked at. */
  readonly redis: RedisConnection;
}

export async function drain({ kind }: { readonly kind: RedisKind }): Promise<Report> {
  const rig = await startRig({ durable: true, kind });
  const redis = connectRedis({ url: rig.redisUrl, use: "outbox", commandTimeoutMs: FILLED_WITHIN_MS });
  const ground = { rig, redis };
  try {
    await whenReady(redis, FILLED_WITHIN_MS);
    const flat = await createFlatTable(rig.postgresUrl, EPOCH);
    const copied: Side = { name: "COPY", round: () => copyRound(rig, flat, ROUND_ENTRIES) };
    const drained: Side = { name: "persister", round: () => drainRound(ground, flat, ROUND_ENTRIES) };
    const single: Side = { name: "one insert a row", round: () => singleRound(flat) };
    const compared = await compare(copied, [drained, single], ROUNDS);
    const before = await copyRound(rig, flat, LARGE_ENTRIES);
    const large = await drainRound(ground, flat, LARGE_ENTRIES);
    const after = await copyRound(rig, flat, LARGE_ENTRIES);
    await flat.close();
    const light = await lightLoad(rig, keys);
    return {
      name: kind === "single" ? "drain" : `drain-${kind}`,
      entriesARound: ROUND_ENTRIES,
      rows: [...compareRows(compared, copied, drained, single), ...largeRows([before, after], large), ...light],
    };
  } finally {
    redis.disconnect();
    await rig.stop();
  }
}

function compareRows(compared: Comparison, copied: Side, drained: Side, single: Side) {
  const row = (side: Side, target: string) => {
    const { ratio, spread } = compared.toBaseline(side, "rows/s");
    return { what: side.name, "rows/s": compared.of(side, "rows/s"), ratio, spread, target };
  };
  const micros = ["persister", "postgres", "redis"].map((who) => [
    `${who} µs/row`,
    compared.of(drained, `${who} µs/row`),
  ]);
  const overSingle = compared.of(drained, "rows/s") / compared.of(single, "rows/s");
  return [
    { ...row(copied, ""), "postgres µs/row": compared.of(copied, "postgres µs/row") },
    {
      ...row(drained, ">= 0.6x COPY"),
      ...Object.fromEntries(micros),
      "A against A": compared.sameAgainstSame("rows/s"),
    },
    {
      ...row(single, ""),
      what: `one insert a row; the persister is ${round(overSingle)}x`,
      target: "<= 0.1x persister",
    },
  ];
}

/** COPY goes before and after: the persister is held against the mean of both. */
function largeRows(copied: readonly [Figures, Figures], drained: Figures) {
  const rateOf = (figures: Figures): number => figures["rows/s"] ?? Number.NaN;
  const ratio = (rateOf(drained) * 2) / (rateOf(copied[0]) + rateOf(copied[1]));
  const rowOf = (figures: Figures, what: string) => ({ what, ...rounded(figures) });
  return [
    rowOf(copied[0], "COPY, 1 M rows, before"),
    { ...rowOf(drained, "persister, 1 M entries"), ratio: round(ratio), target: ">= 0.6x COPY" },
    rowOf(copied[1], "COPY, 1 M rows, after"),
  ];
}

function rounded(figures: Figures): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, round(value)]));
}

async function copyRound(rig: Rig, flat: FlatTable, entries: number): Promise<Figures> {
  await flat.empty();
  const chunks: string[] = [];
  let lines: string[] = [];
  for (const row of rowsOf(entries)) {
    lines.push(copyLine(row, EPOCH));
    if (lines.length === LINES_A_CHUNK) chunks.push(lines.splice(0).join(""));
  }
  chunks.push(lines.join(""));
  lines = [];
  const [startedMs, before] = [performance.now(), familyCpuSeconds(rig.postgresPid)];
  await flat.copy(chunks);
  const tookSec = (performance.now() - startedMs) / 1000;
  const cpu = familyCpuSeconds(rig.postgresPid) - before;
  return { "rows/s": entries / tookSec, "postgres µs/row": (cpu / entries) * 1e6 };
}

async function singleRound(flat: FlatTable): Promise<Figures> {
  await flat.empty();
  const rows = [...rowsOf(SINGLE_ROWS)];
  const startedMs = performance.now();
  await flat.insertEach(rows);
  return { "rows/s": SINGLE_ROWS / ((performance.now() - startedMs) / 1000) };
}

let rounds = 0;

/** From the moment at which the persister says that it is ready until every outbox is empty. */
async function drainRound({ rig, redis }: Ground, flat: FlatTable, entries: number): Promise<Figures> {
  await flat.empty();
  rounds += 1;
  const channels = Array.from({ length: CHANNELS }, (_, n) => `drain-${rounds}-${n}`);
  await fillOutboxes(redis, keys, { entries, channels, users: USERS, body: BODY, epoch: EPOCH });
  const persister = await rig.startPersister(BUDGET);
  const used = cpuOf(rig, persister);
  const startedMs = performance.now();
  while ((await waitingEntries(redis, keys)) > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  const tookSec = (performance.now() - startedMs) / 1000;
  const costs = used();
  await rig.end(persister);
  const stored = await flat.messages();
  if (stored !== entries) throw new Error(`drain: ${stored} of ${entries} entries became rows`);
  for (const master of rig.masters) await master.eval(FORGET, 0, `*drain-${rounds}-*`);
  const micros = Object.entries(costs).map(([who, seconds]) => [`${who} µs/row`, (seconds / entries) * 1e6]);
  return { "rows/s": entries / tookSec, ...Object.fromEntries(micros) };
}

/** What a round leaves in the logs. */
const FORGET = `for _, key in ipairs(redis.call("KEYS", ARGV[1])) do redis.call("UNLINK", key) end`;

function cpuOf(rig: Rig, persister: ChildProcess): () => Record<string, number> {
  const look = (): Record<string, number> => ({
    persister: cpuSeconds(rig.pidOf(persister)),
    postgres: familyCpuSeconds(rig.postgresPid),
    redis: rig.redisPids.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
  });
  const before = look();
  return () => Object.fromEntries(Object.entries(look()).map(([who, cpu]) => [who, cpu - (before[who] ?? 0)]));
}

/** The rows that a backlog of the same size becomes. */
function* rowsOf(entries: number): Generator<Row> {
  for (let n = 0; n < entries; n += 1) {
    const user = (n * 7919) % USERS;
    yield {
      channel: `drain-0-${n % CHANNELS}`,
      seq: Math.floor(n / CHANNELS) + 1,
      id: String(n).padStart(21, "0"),
      clientId: `c${n}`,
      author: `user-${user}`,
      name: `User ${user}`,
      body: BODY,
      at: EPOCH + n,
    };
  }
}
