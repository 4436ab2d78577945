// Where the next read of each partition begins. Kept by drain.ts; nothing of it survives the process.
// States of a partition: from the beginning (nothing of it is on its way; whatever its outbox holds is to be saved), after
// an entry (a batch with everything up to it is being committed), or resting (it was just tried in vain, or is held).
// Reading from the beginning costs nothing once the outbox is trimmed, and finds what an earlier process, another Redis
// or a lost answer has left there: so every partition goes back to it whenever it can.
// Must never let anything pass that was read before its partition went back: what failed meanwhile is missing before it.
import { compareEntryIds } from "@rookery/broker";
import type { EntryId } from "@rookery/broker";

const BEGINNING: EntryId = { epoch: 0, number: 0 };

interface Numbered {
  readonly partition: number;
  readonly id: EntryId;
}

/** Which partitions a read asks, after which ids, and in which run of each. */
export interface Reading {
  readonly after: ReadonlyMap<number, EntryId>;
  readonly runs: ReadonlyMap<number, number>;
}

export interface Cursors {
  /** Takes on new partitions from the beginning and forgets those that are another's now. */
  own(partitions: readonly number[]): void;
  /** The owned partitions that do not rest, in rising order. */
  readable(): number[];
  /** What a read of these partitions is to begin with. A copy. */
  reading(partitions: readonly number[]): Reading;
  /**
   * Moves on behind what was read, and answers the entries to keep. Entries of another epoch than they were read after mean
   * that the partition changed its owner: they are left for a read from the beginning, which also shows what the new
   * owner still holds of the old epoch.
   */
  advance<Entry extends Numbered>(reading: Reading, entries: readonly Entry[]): Entry[];
  /** Whether the partition has not gone back since: nothing that stands before what was read is missing. */
  isCurrent(this: void, reading: Reading, partition: number): boolean;
  /** These were committed, saved and trimmed up to the given ids: back to the beginning where nothing was read since. */
  settle(saved: ReadonlyMap<number, EntryId>): void;
  /** Back to the beginning, whatever was read: of these partitions, or of all. */
  rewind(partitions?: Iterable<number>): void;
  /**
   * Left alone for so long, then read from the beginning: what stands still alone must hold up no other. What was read of
   * them stays good.
   */
  rest(partitions: Iterable<number>, forMs: number): void;
}

export function createCursors(clock: () => number = () => performance.now()): Cursors {
  const after = new Map<number, EntryId>();
  /** A run of a partition ends where it goes back to the beginning with something on its way. No number comes twice. */
  const runs = new Map<number, number>();
  const restsUntilMs = new Map<number, number>();
  let lastRun = 0;

  const begin = (partition: number): void => {
    lastRun += 1;
    after.set(partition, BEGINNING);
    runs.set(partition, lastRun);
  };
  const rewind = (partitions: Iterable<number>): void => {
    for (const partition of partitions) if (after.has(partition)) begin(partition);
  };
  const isCurrent = (reading: Reading, partition: number): boolean =>
    after.has(partition) && runs.get(partition) === reading.runs.get(partition);

  return {
    own(partitions) {
      const wanted = new Set(partitions);
      for (const partition of [...after.keys()]) if (!wanted.has(partition)) after.delete(partition);
      for (const partition of wanted) if (!after.has(partition)) begin(partition);
    },
    readable() {
      const nowMs = clock();
      for (const [partition, untilMs] of restsUntilMs) if (untilMs <= nowMs) restsUntilMs.delete(partition);
      return [...after.keys()].filter((partition) => !restsUntilMs.has(partition));
    },
    reading: (partitions) => ({
      after: new Map(partitions.map((partition) => [partition, after.get(partition) ?? BEGINNING])),
      runs: new Map(partitions.map((partition) => [partition, runs.get(partition) ?? 0])),
    }),
    advance(reading, entries) {
      const changed = new Set<number>();
      const kept = entries.filter(({ partition, id }) => {
        const { epoch } = reading.after.get(partition) ?? BEGINNING;
        if (epoch !== 0 && id.epoch !== epoch) changed.add(partition);
        return isCurrent(reading, partition) && !changed.has(partition);
      });
      for (const { partition, id } of kept) after.set(partition, id);
      for (const partition of changed) after.set(partition, BEGINNING);
      return kept;
    },
    isCurrent,
    settle(saved) {
      for (const [partition, id] of saved) {
        const cursor = after.get(partition);
        if (cursor !== undefined && compareEntryIds(cursor, id) === 0) after.set(partition, BEGINNING);
      }
    },
    rewind: (partitions) => rewind(partitions ?? [...after.keys()]),
    rest(partitions, forMs) {
      const untilMs = clock() + forMs;
      for (const partition of partitions) {
        if (after.has(partition)) after.set(partition, BEGINNING);
        restsUntilMs.set(partition, untilMs);
      }
    },
  };
}
