// Keeps the promise of audit.ts' AuditTrail: records gather here for a moment and go to Redis in runs of note.lua, one a partition
// at a time. Made by edge and api; nobody waits for it, and nothing that it cannot do is an error of anybody's.
// What it holds is lost with the process: so much as gathers, a quarter of a second while Redis answers.
// Must never hold more than a bounded number of records, nor forget how many it gave up.
// States of a partition: idle, gathering, under way. Of all: open, closing (nothing gathers any more), closed.
import { randomBytes } from "node:crypto";
import type { AuditRecord, AuditTrail } from "./audit.ts";
import { inOneWrite, isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { EpochFloors } from "./floors.ts";
import type { Keys } from "./keys.ts";
import { packAudit } from "./pack-audit.ts";

export interface AuditTrailOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly floors: EpochFloors;
  /** Reads the floors from Postgres: before an epoch of the outbox begins. Rejects while Postgres is away. */
  readFloors(this: void): Promise<void>;
  /** For the outboxes of all partitions together, see budget.ts. */
  readonly outboxMaxBytes: number;
  /** Who tells of what was left out. */
  node(this: void): string;
  /** Why this process may number nothing yet, or undefined: then everything waits. */
  trouble?(this: void): string | undefined;
  /** Redis refused a part of the script, which no waiting mends. */
  failed?(this: void, reason: string): void;
  readonly gatherMs?: number;
  readonly mostWaiting?: number;
}

/** A run costs about 25 us of Redis beside its records, an idle partition nothing: so those of one moment go together. */
const GATHER_MS = 250;
/** About 15 MB of records. */
const MOST_WAITING = 50_000;
/** Redis does nothing else during a run: so many take about half a millisecond. */
const RUN_RECORDS = 100;
/** Under way: 25,000 connections that end at once neither fill a socket's buffer nor keep others from Redis. */
const RECORDS_AT_ONCE = 800;
/** What a run costs Redis beside its records, as that of so many of them. */
const RUN_WEIGHT = 5;
/** Of the budget, for audit records of all partitions together. */
const BUDGET_SHARE = 0.25;
/** Of the budget, beyond it. */
const RESERVE_SHARE = 0.1;
const CLOSE_WITHIN_MS = 2_000;
const ID_BYTES = 12;

interface Line {
  readonly partition: number;
  /** JSON, the oldest first. */
  records: string[];
  leftOut: number;
  /** Ever, for whoever waits until what it noted is off the line. */
  noted: number;
  gone: number;
  isDue: boolean;
}

/** What became of a run: how many of its records Redis has, or that they are to be tried again. */
type RunOutcome = "again" | { readonly queued: number };

export function createAuditTrail(options: AuditTrailOptions): AuditTrail {
  const { connection, keys, floors, outboxMaxBytes, gatherMs = GATHER_MS, mostWaiting = MOST_WAITING } = options;
  const { partitions } = keys;
  const mostBytes = Math.floor((outboxMaxBytes * BUDGET_SHARE) / partitions.count);
  // A quarter of what is beyond the budget is taken off each partition's limit, see limitOf.
  const reserveBytes = Math.floor((outboxMaxBytes * RESERVE_SHARE) / 4);
  const lines = new Map<number, Line>();
  const settling = new Set<() => boolean>();
  /** Lines whose records go as soon as fewer runs are under way. */
  let due: Line[] = [];
  // Of this process alone, and cheaper than a random one for each.
  const idsBegin = randomBytes(ID_BYTES).toString("base64url");
  let idsGiven = 0;
  const nextId = (): string => `${idsBegin}.${(idsGiven += 1).toString(36)}`;
  let waiting = 0;
  /** Records, and what their runs weigh. */
  let underWay = 0;
  let timer: NodeJS.Timeout | undefined;
  let beginning: NodeJS.Immediate | undefined;
  let state: "open" | "closing" | "closed" = "open";

  function lineOf(partition: number): Line {
    const known = lines.get(partition);
    if (known !== undefined) return known;
    const line: Line = { partition, records: [], leftOut: 0, noted: 0, gone: 0, isDue: false };
    lines.set(partition, line);
    return line;
  }

  function gather(): void {
    timer ??= setTimeout(dueNow, gatherMs).unref();
  }

  function dueNow(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const line of lines.values()) makeDue(line);
    begin();
  }

  function makeDue(line: Line): void {
    if (line.isDue) return;
    line.isDue = true;
    due.push(line);
  }

  function begin(): void {
    beginning = undefined;
    if (due.length === 0 || state === "closed") return;
    inOneWrite(connection, () => {
      let begun = 0;
      for (const line of due) {
        if (underWay >= RECORDS_AT_ONCE) break;
        begun += 1;
        run(line).catch(() => undefined);
      }
      due = due.slice(begun);
    });
  }

  /** Answers that came together are followed by one write, not by one each. */
  function beginSoon(): void {
    if (due.length > 0) beginning ??= setImmediate(begin);
  }

  async function run(line: Line): Promise<void> {
    const told = line.leftOut;
    // What was left out is told before what comes after it.
    const given = told === 0 ? [] : [packAudit(nextId(), leftOutRecord(options.node(), told))];
    const some = line.records.slice(0, RUN_RECORDS - given.length);
    const weight = RUN_WEIGHT + some.length;
    underWay += weight;
    const outcome = await send(line.partition, [...given, ...some]).catch((): RunOutcome => "again");
    underWay -= weight;
    line.isDue = false;
    if (outcome !== "again") took(line, some.length, told, outcome.queued);
    // What is longer than a run does not gather; what was to be tried again or found no room does.
    if (outcome !== "again" && (line.records.length >= RUN_RECORDS || state === "closing")) {
      if (line.records.length > 0) makeDue(line);
    }
    for (const isSettled of settling) if (isSettled()) settling.delete(isSettled);
    beginSoon();
    if (lines.size > 0 && state !== "closed") gather();
  }

  function took(line: Line, given: number, told: number, queued: number): void {
    line.records = line.records.slice(given);
    line.gone += given;
    waiting -= given;
    const isTold = told > 0 && queued > 0;
    line.leftOut += given - (told > 0 ? Math.max(0, queued - 1) : queued) - (isTold ? told : 0);
    if (line.records.length === 0 && line.leftOut === 0) lines.delete(line.partition);
  }

  async function send(partition: number, records: readonly string[]): Promise<RunOutcome> {
    if (!isReady(connection) || options.trouble?.() !== undefined) return "again";
    let [outcome, queued, broken] = await note(partition, records, false);
    if (outcome === "cold") {
      await options.readFloors();
      [outcome, queued, broken] = await note(partition, records, true);
    }
    if (broken !== "") options.failed?.(broken);
    if (outcome !== "ok") return "again";
    return { queued };
  }

  async function note(
    partition: number,
    records: readonly string[],
    isFresh: boolean,
  ): Promise<readonly [outcome: string, queued: number, broken: string]> {
    const { part, outbox } = keys.partition(partition);
    const fixed = [isFresh ? 1 : 0, floors.of(partition), outboxMaxBytes, mostBytes, reserveBytes];
    const reply: unknown = await connection.rookeryNote(part, outbox, ...fixed, ...records);
    const [outcome, queued, broken]: unknown[] = Array.isArray(reply) ? reply : [];
    return [String(outcome), Number(queued), typeof broken === "string" ? broken : ""];
  }

  function settled(isIdle: () => boolean = () => true): Promise<void> {
    const targets = [...lines.values()].map((line) => [line, line.noted] as const);
    // Whoever waits for it does not wait for others to come.
    dueNow();
    return new Promise((resolve) => {
      const isSettled = (): boolean => {
        const isOver = targets.every(([line, noted]) => line.gone >= noted) && isIdle();
        if (isOver) resolve();
        return isOver;
      };
      if (!isSettled()) settling.add(isSettled);
    });
  }

  return {
    note(user, record) {
      if (state === "closed") return;
      const line = lineOf(partitions.ofUser(user));
      if (waiting >= mostWaiting) {
        line.leftOut += 1;
        return;
      }
      line.records.push(packAudit(record.id ?? nextId(), record));
      line.noted += 1;
      waiting += 1;
      gather();
    },
    waiting: () => waiting,
    settled: () => settled(),
    async close() {
      state = "closing";
      let overrun: NodeJS.Timeout | undefined;
      await Promise.race([
        settled(() => underWay === 0),
        new Promise((over) => (overrun = setTimeout(over, CLOSE_WITHIN_MS))),
      ]);
      clearTimeout(overrun);
      state = "closed";
      clearTimeout(timer);
    },
  };
}

function leftOutRecord(node: string, count: number): AuditRecord {
  const bare = { subject: null, channel: null, address: null, reason: null };
  return { kind: "left_out", actor: `node:${node}`, node, ...bare, data: { count } };
}
