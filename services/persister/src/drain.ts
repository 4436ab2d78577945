// Drains the outbox into Postgres: read, commit, then tell Redis what is committed. One of the files to read first.
//
//   read     entries of the owned partitions, up to a batch                             broker's outbox
//   commit   rows and positions of all of them in one transaction                       store's saveBatch
//   save     per partition: raise `saved`, trim log and outbox, announce the watermark   broker's save.lua
//
// While two batches commit the next is read; of a partition one batch commits after another. A batch carries the ids it was
// read after, and Postgres refuses it when an earlier one is missing. Where one fails, it is dropped with all that was read
// behind it, and its partitions are read from their beginning: what is committed is not inserted again, but is saved again.
// Where only some partitions cannot be saved, only theirs is dropped, and they rest while the others go on; so does one
// that is held by an entry which this build cannot make a row of, and what stands behind it is not read.
// Must never tell Redis of anything before Postgres has committed it, since what is saved is trimmed.
// States: idle, draining, stopping (the batches in flight are finished), stopped.
import type { EntryId, Outbox, OutboxEntry, SavedBatch } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { pause } from "@rookery/runtime";
import { isAway, isRefusedWrite } from "@rookery/store";
import type { Batch, SavedOutcome, SaveOutcome } from "@rookery/store";
import { createBackoff } from "./backoff.ts";
import { createCursors } from "./cursors.ts";
import type { Cursors, Reading } from "./cursors.ts";
import { createFlights } from "./flights.ts";
import type { FreeEntry, Holds } from "./holds.ts";
import type { Outage, OutageKind } from "./outage.ts";
import { toBatchEntry } from "./rows.ts";
import { savedBatches } from "./saved-batches.ts";
import { createTurns } from "./turns.ts";

export interface DrainOptions {
  readonly outbox: Pick<Outbox, "read" | "save">;
  /** Commits one batch: the store's saveBatch. */
  save(this: void, batch: Batch): Promise<SaveOutcome>;
  readonly batchEntries: number;
  /** How long entries gather behind a batch that was not full. */
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
  /** Finishes the batches in flight, if the stores let it, and ends. */
  stop(): Promise<void>;
}

/** How long a read waits for a first entry: bounds how late a stop or a new share is noticed. */
const BLOCK_MS = 500;
/** How long a partition rests that could not be saved or is held. */
const REST_MS = 250;

/** Two are enough to keep Postgres at work while this process reads and writes; each holds a batch in memory. */
const BATCHES_IN_FLIGHT = 2;

/** What is committed together, and after which ids it was read. */
interface ReadBatch {
  readonly readAfter: ReadonlyMap<number, EntryId>;
  readonly entries: readonly FreeEntry[];
}

/** What one read gave that may be drained. */
interface Read {
  readonly reading: Reading;
  readonly entries: readonly FreeEntry[];
}

/** The partitions of a batch of which Redis could not be told, or all of them. */
type Unsaved = ReadonlySet<number> | "failed";

export function createDrain(options: DrainOptions): Drain {
  const { outbox, batchEntries, lingerMs, redis, postgres, holds } = options;
  const cursors = createCursors();
  const turns = createTurns();
  const flights = createFlights(BATCHES_IN_FLIGHT);
  const backoff = createBackoff();
  const stopping = new AbortController();
  const { signal } = stopping;
  let owned: readonly number[] = [];
  let rereadWanted = false;
  /** A batch was lost to a store that is away, and nobody has waited since. */
  let mustWait = false;
  /** Partitions of which `stuck` was told and which have not been saved since. */
  const stuck = new Set<number>();
  /** Until then what comes gathers. */
  let gathersUntilMs = 0;
  let running: Promise<void> | undefined;

  /** Keeps one batch ahead: the next is read while those before it commit, and is dropped where one of them fails. */
  async function drain(): Promise<void> {
    while (!signal.aborted) {
      await letGather();
      const found = await read();
      const partitions = new Set(found?.entries.map(({ partition }) => partition));
      await flights.clear(partitions);
      if (mustWait) await backoff.wait(signal);
      mustWait = false;
      if (found === undefined) continue;
      const batch = toBatch(found, cursors.isCurrent);
      if (batch.entries.length === 0) continue;
      gathersUntilMs = performance.now() + lingerMs;
      flights.launch(new Set(batch.readAfter.keys()), commit(batch));
    }
    await flights.landed();
  }

  /**
   * What comes after a silence is read at once; what follows it gathers, so that little traffic makes few transactions. In a
   * backlog nothing has to gather.
   */
  async function letGather(): Promise<void> {
    const leftMs = gathersUntilMs - performance.now();
    if (leftMs > 0 && turns.isCalm(cursors.readable())) await pause(leftMs, { signal });
    gathersUntilMs = 0;
  }

  /** Undefined when Redis is away. */
  async function read(): Promise<Read | undefined> {
    cursors.own(owned);
    holds.own(owned);
    if (rereadWanted) cursors.rewind();
    rereadWanted = false;
    const { partitions, isCalm } = turns.next(cursors.readable());
    if (partitions.length === 0) await pause(BLOCK_MS, { signal });
    try {
      const reading = cursors.reading(partitions);
      const entries = await outbox.read(reading.after, batchEntries, isCalm ? BLOCK_MS : 0);
      redis.back();
      return sift(reading, partitions, entries);
    } catch (error) {
      redis.lost(error, isUnavailable(error) ? "away" : "fault");
      cursors.rewind();
      mustWait = true;
      return undefined;
    }
  }

  function sift(reading: Reading, partitions: readonly number[], found: readonly OutboxEntry[]): Read {
    turns.learn(partitions, countsOf(found), batchEntries);
    const { free, held } = holds.sift(partitions, found, found.length < batchEntries);
    const entries = cursors.advance(reading, free);
    cursors.rest(held, REST_MS);
    return { reading, entries };
  }

  /** Commits, tells Redis, and puts the cursors where the next read of these partitions is to begin. Never rejects. */
  async function commit({ readAfter, entries }: ReadBatch): Promise<void> {
    const outcome = await commitRows({ readAfter, entries: entries.map(toBatchEntry) });
    const told = savedBatches(entries, outcome);
    const unsaved = outcome?.kind === "saved" ? await tellRedis(told) : "failed";
    if (unsaved === "failed") {
      cursors.rewind(told.keys());
      mustWait = true;
      return;
    }
    backoff.reset();
    cursors.rewind(unsaved);
    cursors.rest(unsaved, REST_MS);
    const saved = [...told].filter(([partition]) => !unsaved.has(partition));
    cursors.settle(new Map(saved.map(([partition, { last }]) => [partition, last])));
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
  async function tellRedis(told: ReadonlyMap<number, SavedBatch>): Promise<Unsaved> {
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

/** What was read, without what was read before its partition went back. */
function toBatch({ reading, entries: found }: Read, isCurrent: Cursors["isCurrent"]): ReadBatch {
  const entries = found.filter(({ partition }) => isCurrent(reading, partition));
  const partitions = new Set(entries.map(({ partition }) => partition));
  return { readAfter: new Map([...reading.after].filter(([partition]) => partitions.has(partition))), entries };
}

function countsOf(entries: readonly OutboxEntry[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { partition } of entries) counts.set(partition, (counts.get(partition) ?? 0) + 1);
  return counts;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof ChatError && error.code === "unavailable";
}

function postgresKind(error: unknown): OutageKind {
  if (isRefusedWrite(error)) return "refuses";
  return isAway(error) ? "away" : "fault";
}
