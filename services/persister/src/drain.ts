// Drains the outbox into Postgres: read, commit, then tell Redis what is committed. One of the files to read first.
//
//   read     entries of the owned partitions, up to a batch or for the linger time      broker's outbox
//   commit   rows and positions of all of them in one transaction                       store's saveBatch
//   save     per partition: raise `saved`, trim log and outbox, announce the watermark   broker's save.lua
//
// While one batch commits the next is read; batches commit one after another. A batch carries the ids it was read after,
// and Postgres refuses it when an earlier one is missing. After any failure the batch and the one read behind it are
// dropped, and their partitions are read from their beginning: what is committed is not inserted again, but is saved again.
// Where only some partitions cannot be saved, only theirs is dropped, and they rest while the others go on; so does one
// that is held by an entry which this build cannot make a row of, and what stands behind it is not read.
// Must never tell Redis of anything before Postgres has committed it, since what is saved is trimmed.
// States: idle, draining, stopping (the batch in flight is finished), stopped.
import type { EntryId, Outbox, SavedBatch } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { pause } from "@rookery/runtime";
import { isAway, isRefusedWrite } from "@rookery/store";
import type { Batch, SavedOutcome, SaveOutcome } from "@rookery/store";
import { createBackoff } from "./backoff.ts";
import { createCursors } from "./cursors.ts";
import type { FreeEntry, Holds } from "./holds.ts";
import type { Outage, OutageKind } from "./outage.ts";
import { toBatchEntry } from "./rows.ts";
import { savedBatches } from "./saved-batches.ts";

export interface DrainOptions {
  readonly outbox: Pick<Outbox, "read" | "save">;
  /** Commits one batch: the store's saveBatch. */
  save(this: void, batch: Batch): Promise<SaveOutcome>;
  readonly batchEntries: number;
  /** Longest wait for a batch to fill, once it has its first entry. */
  readonly lingerMs: number;
  readonly redis: Outage;
  readonly postgres: Outage;
  readonly holds: Pick<Holds, "own" | "sift">;
  /** A partition cannot be saved while others can: told when that begins. */
  stuck?(this: void, partition: number, error: unknown): void;
  /** Called after each commit, before Redis is told. */
  committed?(this: void, outcome: SavedOutcome, entries: number, tookMs: number): void;
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
/** How long a partition rests that could not be saved or is held. */
const REST_MS = 250;

/** What was read, and after which ids. */
interface ReadBatch {
  readonly readAfter: ReadonlyMap<number, EntryId>;
  readonly entries: readonly FreeEntry[];
}

/** The partitions of a batch that are to be read again, or all of them. */
type Committed = ReadonlySet<number> | "failed";
const WHOLE: Committed = new Set();

export function createDrain(options: DrainOptions): Drain {
  const { outbox, batchEntries, lingerMs, redis, postgres, holds } = options;
  const cursors = createCursors();
  const backoff = createBackoff();
  const stopping = new AbortController();
  const { signal } = stopping;
  let owned: readonly number[] = [];
  let rereadWanted = false;
  /** Partitions of which `stuck` was told and which have not been saved since. */
  const stuck = new Set<number>();
  let running: Promise<void> | undefined;

  /** Keeps one batch ahead: the next is read while the one before commits, and is dropped when that one fails. */
  async function drain(): Promise<void> {
    let committing: Promise<Committed> = Promise.resolve(WHOLE);
    while (!signal.aborted) {
      const batch = await readBatch();
      const before = await committing;
      committing = Promise.resolve(WHOLE);
      if (batch === undefined) await backoff.wait(signal);
      else if (before === "failed") {
        cursors.rewind(batch.readAfter.keys());
        await backoff.wait(signal);
      } else {
        cursors.rewind(before);
        const rest = without(batch, before);
        if (rest.entries.length > 0) committing = commit(rest);
      }
    }
    await committing;
  }

  /** Undefined when Redis is away. */
  async function readBatch(): Promise<ReadBatch | undefined> {
    cursors.own(owned);
    holds.own(owned);
    if (rereadWanted) cursors.rewind();
    rereadWanted = false;
    try {
      const readAfter = cursors.readAfter();
      if (readAfter.size === 0) await pause(BLOCK_MS, { signal });
      const entries = await readFree(readAfter, batchEntries, BLOCK_MS);
      if (entries.length > 0 && entries.length < batchEntries && !signal.aborted) {
        await pause(lingerMs, { signal });
        entries.push(...(await readFree(cursors.readAfter(), batchEntries - entries.length, 0)));
      }
      redis.back();
      return { readAfter, entries };
    } catch (error) {
      redis.lost(error, isUnavailable(error) ? "away" : "fault");
      cursors.rewind();
      return undefined;
    }
  }

  async function readFree(readAfter: ReadBatch["readAfter"], limit: number, blockMs: number): Promise<FreeEntry[]> {
    const read = await outbox.read(readAfter, limit, blockMs);
    const { free, held } = holds.sift(readAfter.keys(), read, read.length < limit);
    const entries = cursors.advance(readAfter, free);
    cursors.rest(held, REST_MS);
    return entries;
  }

  /** Commits, tells Redis, and puts the cursors where the next read of these partitions is to begin. */
  async function commit({ readAfter, entries }: ReadBatch): Promise<Committed> {
    const outcome = await commitRows({ readAfter, entries: entries.map(toBatchEntry) });
    const told = savedBatches(entries, outcome);
    const unsaved = outcome?.kind === "saved" ? await tellRedis(told) : "failed";
    if (unsaved === "failed") {
      cursors.rewind(told.keys());
      return "failed";
    }
    backoff.reset();
    cursors.rest(unsaved, REST_MS);
    const saved = [...told].filter(([partition]) => !unsaved.has(partition));
    cursors.settle(new Map(saved.map(([partition, { last }]) => [partition, last])));
    return unsaved;
  }

  async function commitRows(batch: Batch): Promise<SaveOutcome | undefined> {
    const startedMs = performance.now();
    try {
      const outcome = await options.save(batch);
      postgres.back();
      if (outcome.kind === "saved") options.committed?.(outcome, batch.entries.length, performance.now() - startedMs);
      return outcome;
    } catch (error) {
      postgres.lost(error, postgresKind(error));
      return undefined;
    }
  }

  /** The partitions of which Redis could not be told; "failed" when it was of none, because Redis is away. */
  async function tellRedis(told: ReadonlyMap<number, SavedBatch>): Promise<Committed> {
    const failures = new Map<number, unknown>();
    await Promise.all(
      [...told].map(([partition, saved]) =>
        outbox.save(partition, saved).then(
          () => stuck.delete(partition),
          (error: unknown) => failures.set(partition, error),
        ),
      ),
    );
    const [first] = failures.values();
    if (failures.size === told.size && [...failures.values()].every(isUnavailable)) {
      redis.lost(first, "away");
      return "failed";
    }
    redis.back();
    for (const [partition, error] of failures) {
      if (!stuck.has(partition)) options.stuck?.(partition, error);
      stuck.add(partition);
    }
    return new Set(failures.keys());
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

function without({ readAfter, entries }: ReadBatch, partitions: ReadonlySet<number>): ReadBatch {
  if (partitions.size === 0) return { readAfter, entries };
  return {
    readAfter: new Map([...readAfter].filter(([partition]) => !partitions.has(partition))),
    entries: entries.filter(({ partition }) => !partitions.has(partition)),
  };
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ChatError && error.code === "unavailable";
}

function postgresKind(error: unknown): OutageKind {
  if (isRefusedWrite(error)) return "refuses";
  return isAway(error) ? "away" : "fault";
}
