// The second acknowledgement: which sends still wait for Postgres, and whom to tell when the persister has passed them.
// One list per partition, in the order of outbox entries. Called by send (track), by topics and pulse (reached) and when a
// session closes (forget). It never reads a clock and never claims more than the watermark said.
// States of a partition: what waits, the highest watermark seen, and up to where entries are doubtful.

import { BEFORE_FIRST_ENTRY, compareEntryIds } from "@rookery/broker";
import type { EntryId, Watermark } from "@rookery/broker";
import { comparePositions } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";

export interface Waiting<S> {
  readonly session: S;
  readonly channel: string;
  readonly position: Position;
  readonly id: string;
  readonly entry: EntryId;
}

/** What a new watermark settles, and what it cannot settle: only Postgres itself can say whether those are saved. */
export interface Reached<S> {
  readonly told: readonly Waiting<S>[];
  /** Of an earlier partition epoch, so perhaps lost with their Redis; or among entries some of which became no rows. */
  readonly doubtful: readonly Waiting<S>[];
}

export interface WaitingSends<S> {
  /** Remembers a send. Its watermark may have overtaken its own answer (two connections), so it may be settled at once. */
  track(partition: number, waiting: Waiting<S>): Reached<S>;
  reached(partition: number, watermark: Watermark): Reached<S>;
  /** Takes back what could not be settled; the next watermark brings it up again. */
  putBack(partition: number, waiting: Waiting<S>): void;
  forget(session: S): void;
  size(): number;
  waitsIn(partition: number): boolean;
}

const NOTHING = { told: [], doubtful: [] } as const;

interface Seen {
  /** The highest watermark. */
  upTo: EntryId;
  /** As the last watermark said; 0 while none was ever unstored. */
  unstored: number;
  /** The watermark that came with the last change of it: any entry up to here may be the one that is not saved. */
  doubtfulUpTo: EntryId;
}

export function createWaitingSends<S>(): WaitingSends<S> {
  const lists = new Map<number, Waiting<S>[]>();
  const seen = new Map<number, Seen>();

  const settle = (partition: number, { upTo, doubtfulUpTo }: Seen): Reached<S> => {
    const list = lists.get(partition);
    if (list === undefined) return NOTHING;
    const passed = list.filter((each) => compareEntryIds(each.entry, upTo) <= 0);
    const rest = list.filter((each) => compareEntryIds(each.entry, upTo) > 0);
    if (rest.length === 0) lists.delete(partition);
    else lists.set(partition, rest);
    const isDoubtful = ({ entry }: Waiting<S>): boolean =>
      entry.epoch !== upTo.epoch || compareEntryIds(entry, doubtfulUpTo) <= 0;
    return { told: newest(passed.filter((each) => !isDoubtful(each))), doubtful: passed.filter(isDoubtful) };
  };

  const putBack = (partition: number, waiting: Waiting<S>): void => {
    const list = lists.get(partition);
    if (list === undefined) lists.set(partition, [waiting]);
    else list.push(waiting);
  };

  return {
    putBack,
    track(partition, waiting) {
      putBack(partition, waiting);
      const known = seen.get(partition);
      const passed = known !== undefined && compareEntryIds(waiting.entry, known.upTo) <= 0;
      return passed ? settle(partition, known) : NOTHING;
    },
    reached(partition, { upTo, unstored }) {
      const known = seen.get(partition) ?? { upTo, unstored: 0, doubtfulUpTo: BEFORE_FIRST_ENTRY };
      seen.set(partition, known);
      // Watermarks may overtake each other between topic and pulse; an older one than the last settles nothing wrong.
      if (compareEntryIds(upTo, known.upTo) > 0) known.upTo = upTo;
      if (unstored !== known.unstored) {
        known.unstored = unstored;
        known.doubtfulUpTo = known.upTo;
      }
      return settle(partition, known);
    },
    forget(session) {
      for (const [partition, list] of lists) {
        const rest = list.filter((each) => each.session !== session);
        if (rest.length === 0) lists.delete(partition);
        else if (rest.length < list.length) lists.set(partition, rest);
      }
    },
    waitsIn: (partition) => lists.has(partition),
    size: () => [...lists.values()].reduce((sum, list) => sum + list.length, 0),
  };
}

/** One per session and channel, the one furthest on: `persisted` speaks of everything up to a position. */
function newest<S>(passed: readonly Waiting<S>[]): Waiting<S>[] {
  const bySession = new Map<S, Map<string, Waiting<S>>>();
  for (const each of passed) {
    const channels = bySession.get(each.session) ?? new Map<string, Waiting<S>>();
    bySession.set(each.session, channels);
    const known = channels.get(each.channel);
    if (known === undefined || comparePositions(known.position, each.position) < 0) channels.set(each.channel, each);
  }
  return [...bySession.values()].flatMap((channels) => [...channels.values()]);
}
