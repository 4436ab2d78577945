// Up to which change of rights this edge has acted, of each partition that it watches; and what to do about one that it hears
// of, or that a look shows. Pure: whoever calls acts, fetches and reads, and says when that is done.
// States of a partition: unwatched (nothing is remembered of it, so whatever is announced is acted upon by itself); followed;
// lost (what came after the last one cannot be told any more: only reading everything anew helps).

import { BEFORE_FIRST_ENTRY, compareEntryIds } from "@rookery/broker";
import type { EntryId } from "@rookery/broker";

/** What one look shows of a partition. */
export interface Shown {
  /** Number of the last change. */
  readonly control: EntryId;
  /** The replication id of the server that answered. */
  readonly serving: string;
}

export interface Follower {
  /** `missing`: others came before it. They are in the log, and so is it. */
  announced(partition: number, number: EntryId): "act" | "known" | "missing";
  /** `began`: it is followed from here on. `anew`: nothing that is remembered may be believed. */
  compared(partition: number, shown: Shown): "began" | "current" | "missing" | "anew";
  /** The last one acted upon. */
  actedUpTo(partition: number): EntryId | undefined;
  acted(partition: number, number: EntryId): void;
  /** What is missing cannot be told. */
  lost(partition: number): void;
  /** Everything was read after this look was sent. */
  readAnew(partition: number, shown: Shown): void;
  /** Nobody watches it any more. */
  unwatched(partition: number): void;
}

interface Followed {
  acted: EntryId;
  serving: string;
  isLost: boolean;
}

export function createFollower(): Follower {
  const followed = new Map<number, Followed>();

  return {
    announced(partition, number) {
      const known = followed.get(partition);
      if (known === undefined) return "act";
      // Whoever reads everything anew reads this one too: the look that they wait for comes after it.
      if (known.isLost || compareEntryIds(number, known.acted) <= 0) return "known";
      return isNext(number, known.acted) ? "act" : "missing";
    },
    compared(partition, { control, serving }) {
      const known = followed.get(partition);
      if (known === undefined) {
        followed.set(partition, { acted: control, serving, isLost: false });
        return "began";
      }
      // Another server may have another past, in which the last changes never were.
      if (known.isLost || known.serving !== serving) return "anew";
      // A topic may be quicker than a look.
      return compareEntryIds(control, known.acted) > 0 ? "missing" : "current";
    },
    actedUpTo: (partition) => followed.get(partition)?.acted,
    acted(partition, number) {
      const known = followed.get(partition);
      if (known !== undefined && compareEntryIds(number, known.acted) > 0) known.acted = number;
    },
    lost(partition) {
      const known = followed.get(partition);
      if (known !== undefined) known.isLost = true;
    },
    readAnew(partition, { control, serving }) {
      const known = followed.get(partition);
      if (known === undefined) return;
      followed.set(partition, { acted: control, serving, isLost: false });
    },
    unwatched: (partition) => void followed.delete(partition),
  };
}

/** Numbers of one epoch have no holes, and the first of all is 1. */
function isNext(number: EntryId, acted: EntryId): boolean {
  if (compareEntryIds(acted, BEFORE_FIRST_ENTRY) === 0) return number.number === 1;
  return number.epoch === acted.epoch && number.number === acted.number + 1;
}
