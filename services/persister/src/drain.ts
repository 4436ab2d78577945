// Drains the outbox into Postgres: read, commit, then tell Redis what is committed. One of the files to read first.
//
//   read     entries of the owned partitions, up to a batch or for the linger time      broker's outbox
//   commit   rows and positions of all of them in one transaction                       store's saveBatch
//   save     per partition: raise `saved`, trim log and outbox, announce the watermark   broker's save.lua
//
// While one batch commits the next is read; batches commit one after another. A batch carries the ids it was read after,
// and Postgres refuses it when an earlier one is missing. After any failure the batch and the one read behind it are
// dropped, and their partitions are read from their beginning: what is committed is not inserted again, but is saved again.
// Must never tell Redis of anything before Postgres has committed it, since what is saved is trimmed.
// States: idle, draining, stopping (the batch in flight is finished), stopped.
import type { EntryId, Outbox, OutboxEntry, SavedBatch } from "@rookery/broker";
import { ChatError, comparePositions, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { isAway, isRefusedWrite } from "@rookery/store";
import type { Batch, SaveOutcome } from "@rookery/store";
import { createBackoff, pause } from "./backoff.ts";
import { createCursors } from "./cursors.ts";
import type { Outage, OutageKind } from "./outage.ts";
import { toBatchEntry } from "./rows.ts";

export interface DrainOptions {
  readonly outbox: Pick<Outbox, "read" | "save">;
  /** Commits one batch: the store's saveBatch. */
  save(this: void, batch: Batch): Promise<SaveOutcome>;
  readonly batchEntries: number;
  /** Longest wait for a batch to fill, once it has its first entry. */
  readonly lingerMs: number;
  readonly redis: Outage;
  readonly postgres: Outage;
  /** Called after each commit, before Redis is told. */
  committed?(this: void, outcome: Extract<SaveOutcome, { saved: true }>, entries: number, tookMs: number): void;
}

export interface Drain {
  start(): void;
  /** The partitions that are this persister's now; new ones are read from their beginning. */
  own(partitions: readonly number[]): void;
  /** The connection was lost, or the server may be another one: everything is read from its beginning. */
  reread(): void;
  /** Finishes the batch in flight, if the stores let it, and ends. */
  stop(): Promise<void>;
}

/** How long a read waits for a first entry: bounds how late a stop or a new share is noticed. */
const BLOCK_MS = 500;

/** What was read, and after which ids. */
interface ReadBatch {
  readonly readAfter: ReadonlyMap<number, EntryId>;
  readonly entries: readonly OutboxEntry[];
}

export function createDrain(options: DrainOptions): Drain {
  const { outbox, batchEntries, lingerMs, redis, postgres } = options;
  const cursors = createCursors();
  const backoff = createBackoff();
  const stopping = new AbortController();
  const { signal } = stopping;
  let owned: readonly number[] = [];
  let rereadWanted = false;
  let running: Promise<void> | undefined;

  /** Keeps one batch ahead: the next is read while the one before commits, and is dropped when that one fails. */
  async function drain(): Promise<void> {
    let committing: Promise<boolean> = Promise.resolve(true);
    while (!signal.aborted) {
      const batch = await readBatch();
      const isWhole = await committing;
      committing = Promise.resolve(true);
      if (batch === undefined) await backoff.wait(signal);
      else if (!isWhole) {
        cursors.rewind(batch.readAfter.keys());
        await backoff.wait(signal);
      } else if (batch.entries.length > 0) committing = commit(batch);
    }
    await committing;
  }

  /** Undefined when Redis is away. */
  async function readBatch(): Promise<ReadBatch | undefined> {
    cursors.own(owned);
    if (rereadWanted) cursors.rewind();
    rereadWanted = false;
    try {
      const readAfter = cursors.readAfter();
      if (readAfter.size === 0) await pause(BLOCK_MS, signal);
      const entries = cursors.advance(readAfter, await outbox.read(readAfter, batchEntries, BLOCK_MS));
      if (entries.length > 0 && entries.length < batchEntries && !signal.aborted) {
        await pause(lingerMs, signal);
        const readOn = cursors.readAfter();
        const more = await outbox.read(readOn, batchEntries - entries.length, 0);
        entries.push(...cursors.advance(readOn, more));
      }
      redis.back();
      return { readAfter, entries };
    } catch (error) {
      redis.lost(error, redisKind(error));
      cursors.rewind();
      return undefined;
    }
  }

  /** True when the batch is committed and Redis knows; else its partitions are to be read from their beginning. */
  async function commit({ readAfter, entries }: ReadBatch): Promise<boolean> {
    const outcome = await commitRows({ readAfter, entries: entries.map(toBatchEntry) });
    const told = summarise(entries, outcome);
    if (outcome?.saved === true && (await tellRedis(told))) {
      backoff.reset();
      cursors.settle(new Map([...told].map(([partition, { last }]) => [partition, last])));
      return true;
    }
    cursors.rewind(told.keys());
    return false;
  }

  async function commitRows(batch: Batch): Promise<SaveOutcome | undefined> {
    const startedMs = performance.now();
    try {
      const outcome = await options.save(batch);
      postgres.back();
      if (outcome.saved) options.committed?.(outcome, batch.entries.length, performance.now() - startedMs);
      return outcome;
    } catch (error) {
      postgres.lost(error, postgresKind(error));
      return undefined;
    }
  }

  async function tellRedis(told: ReadonlyMap<number, SavedBatch>): Promise<boolean> {
    const saves = await Promise.allSettled([...told].map(([partition, saved]) => outbox.save(partition, saved)));
    const failed = saves.find((save) => save.status === "rejected");
    if (failed === undefined) redis.back();
    else redis.lost(failed.reason, redisKind(failed.reason));
    return failed === undefined;
  }

  return {
    start() {
      running ??= drain();
    },
    own(partitions) {
      owned = partitions;
    },
    reread() {
      rereadWanted = true;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** What a batch commits of each partition: its last entry, the highest place of each channel, whether all became rows. */
function summarise(entries: readonly OutboxEntry[], outcome: SaveOutcome | undefined): Map<number, SavedBatch> {
  const isUnstored = new Set(outcome?.saved === true ? outcome.unstored : []);
  const told = new Map<number, SavedBatch & { readonly channels: Map<string, Position> }>();
  for (const { partition, id, cumulativeBytes, channel, position, fault } of entries) {
    const before = told.get(partition);
    const channels = before?.channels ?? new Map<string, Position>();
    const known = channels.get(channel) ?? ORIGIN;
    // An entry without a place stands at ORIGIN.
    if (comparePositions(position, known) > 0) channels.set(channel, position);
    told.set(partition, {
      last: id,
      // An entry that nobody understands does not say how much was put in before it.
      cumulativeBytes: fault === undefined ? cumulativeBytes : (before?.cumulativeBytes ?? 0),
      channels,
      unstored: isUnstored.has(partition),
    });
  }
  return told;
}

function redisKind(error: unknown): OutageKind {
  return error instanceof ChatError && error.code === "unavailable" ? "away" : "fault";
}

function postgresKind(error: unknown): OutageKind {
  if (isRefusedWrite(error)) return "refuses";
  return isAway(error) ? "away" : "fault";
}
