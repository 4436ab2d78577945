// Where the next read of each partition begins. Kept by drain.ts; nothing of it survives the process.
// States of a partition: from the beginning (nothing of it is on its way; whatever its outbox holds is to be saved), after
// an entry (a batch with everything up to it is being committed), or resting (it was just tried in vain, or is held).
// Reading from the beginning costs nothing once the outbox is trimmed, and finds what an earlier process, another Redis
// or a lost answer has left there: so every partition goes back to it whenever it can.
import { compareEntryIds } from "@rookery/broker";
import type { EntryId } from "@rookery/broker";

const BEGINNING: EntryId = { epoch: 0, number: 0 };

interface Numbered {
  readonly partition: number;
  readonly id: EntryId;
}

export interface Cursors {
  /** Takes on new partitions from the beginning and forgets those that are another's now. */
  own(partitions: readonly number[]): void;
  /** For each owned partition that does not rest, the id to read after. A copy. */
  readAfter(): ReadonlyMap<number, EntryId>;
  /**
   * Moves on behind what was read after `readAfter`, and answers the entries to keep. Entries of another epoch than they
   * were read after mean that the partition changed its owner: they are left for a read from the beginning, which also
   * shows what the new owner still holds of the old epoch.
   */
  advance<Entry extends Numbered>(readAfter: ReadonlyMap<number, EntryId>, entries: readonly Entry[]): Entry[];
  /** These were committed, saved and trimmed up to the given ids: back to the beginning where nothing was read since. */
  settle(saved: ReadonlyMap<number, EntryId>): void;
  /** Back to the beginning, whatever was read: of these partitions, or of all. */
  rewind(partitions?: Iterable<number>): void;
  /** Back to the beginning, and left alone for so long: what stands still alone must hold up no other. */
  rest(partitions: Iterable<number>, forMs: number): void;
}

export function createCursors(clock: () => number = () => performance.now()): Cursors {
  const after = new Map<number, EntryId>();
  const restsUntilMs = new Map<number, number>();

  const rewind = (partitions: Iterable<number>): void => {
    for (const partition of partitions) if (after.has(partition)) after.set(partition, BEGINNING);
  };

  return {
    own(partitions) {
      const wanted = new Set(partitions);
      for (const partition of [...after.keys()]) if (!wanted.has(partition)) after.delete(partition);
      for (const partition of wanted) if (!after.has(partition)) after.set(partition, BEGINNING);
    },
    readAfter() {
      const nowMs = clock();
      for (const [partition, untilMs] of restsUntilMs) if (untilMs <= nowMs) restsUntilMs.delete(partition);
      return new Map([...after].filter(([partition]) => !restsUntilMs.has(partition)));
    },
    advance(readAfter, entries) {
      const changed = new Set<number>();
      const kept = entries.filter(({ partition, id }) => {
        const { epoch } = readAfter.get(partition) ?? BEGINNING;
        if (epoch !== 0 && id.epoch !== epoch) changed.add(partition);
        return after.has(partition) && !changed.has(partition);
      });
      for (const { partition, id } of kept) after.set(partition, id);
      rewind(changed);
      return kept;
    },
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
        rewind([partition]);
        restsUntilMs.set(partition, untilMs);
      }
    },
  };
}
