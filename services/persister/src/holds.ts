// Knows which partitions an entry of a kind that this build does not know holds, so that nothing behind it is drained here,
// and says each change once in the log. Fed by drain.ts with what every read gave; read by the metrics and the readiness.
// States of a partition: free, or held by one entry until a read shows it gone or the partition is another's.
import { compareEntryIds, formatEntryId } from "@rookery/broker";
import type { EntryId, OutboxEntry, UnknownEntry } from "@rookery/broker";

export type FreeEntry = Exclude<OutboxEntry, UnknownEntry>;

export interface HoldsOptions {
  readonly log: Record<"info" | "error", (fields: object, message: string) => void>;
  /** Key of a partition's outbox, for who removes the entry by hand. */
  streamOf(this: void, partition: number): string;
}

export interface Holds {
  /** Whatever held a partition that is another's is that one's to tell. */
  own(partitions: readonly number[]): void;
  /**
   * Takes what was read of these partitions. `isWhole`: it was not cut short by a limit. Answers what may be drained, and
   * the partitions that end before an entry which may not.
   */
  sift(
    read: Iterable<number>,
    entries: readonly OutboxEntry[],
    isWhole: boolean,
  ): { readonly free: readonly FreeEntry[]; readonly held: readonly number[] };
  count(): number;
  /** What is held and by which entry, for an operator; undefined while nothing is. */
  trouble(): string | undefined;
}

export function createHolds({ log, streamOf }: HoldsOptions): Holds {
  const held = new Map<number, UnknownEntry>();

  function begin(entry: UnknownEntry): void {
    const { partition, id, name } = entry;
    const known = held.get(partition);
    held.set(partition, entry);
    if (known !== undefined && compareEntryIds(known.id, id) === 0) return;
    log.error(
      { partition, entry: formatEntryId(id), kind: name, stream: streamOf(partition) },
      "an entry of a kind that this build does not know holds its partition: upgrade the persisters, or remove the entry from its stream by hand",
    );
  }

  function end(partition: number, message: string): void {
    const entry = held.get(partition);
    if (entry === undefined) return;
    held.delete(partition);
    log.info({ partition, entry: formatEntryId(entry.id), kind: entry.name }, message);
  }

  return {
    own(partitions) {
      const owned = new Set(partitions);
      for (const partition of [...held.keys()])
        if (!owned.has(partition)) end(partition, "a held partition is another's");
    },
    sift(read, entries, isWhole) {
      const found = entries.filter((entry) => entry.kind === "unknown");
      const free = entries.filter((entry) => entry.kind !== "unknown");
      found.forEach(begin);
      const stillHeld = new Set(found.map(({ partition }) => partition));
      const last = new Map(free.map(({ partition, id }) => [partition, id]));
      for (const partition of read) {
        if (!stillHeld.has(partition) && isPassed(held.get(partition), last.get(partition), isWhole))
          end(partition, "the entry that held its partition is gone; the partition is drained on");
      }
      return { free, held: [...stillHeld] };
    },
    count: () => held.size,
    trouble() {
      if (held.size === 0) return undefined;
      const each = [...held.values()].map(
        ({ partition, id, name }) =>
          `partition ${partition} by ${formatEntryId(id)} ("${name}") in ${streamOf(partition)}`,
      );
      return `held by entries of kinds that a newer persister understands: ${each.join(", ")}`;
    },
  };
}

/** A read that ends before the entry, because of a limit, says nothing about it. */
function isPassed(entry: UnknownEntry | undefined, last: EntryId | undefined, isWhole: boolean): boolean {
  if (entry === undefined) return false;
  return last === undefined ? isWhole : compareEntryIds(last, entry.id) > 0;
}
