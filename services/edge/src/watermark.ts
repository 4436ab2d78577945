// The second acknowledgement: which sends still wait for Postgres, and whom to tell when the persister has passed them.
// One list per partition, in the order of outbox entries. Called by send (track), by topics and pulse (reached) and when a
// session closes (forget). It never reads a clock and never claims more than the watermark said.

import { compareEntryIds } from "@rookery/broker";
import type { EntryId } from "@rookery/broker";
import { comparePositions } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";

export interface Waiting<S> {
  readonly session: S;
  readonly channel: string;
  readonly position: Position;
  readonly id: string;
  readonly entry: EntryId;
}

/** What a new watermark settles, and what it cannot settle because the entry belongs to an earlier partition epoch. */
export interface Reached<S> {
  readonly told: readonly Waiting<S>[];
  /** These may have been lost with their Redis: only Postgres itself can say whether they are stored. */
  readonly doubtful: readonly Waiting<S>[];
}

export interface Watermark<S> {
  /** Remembers a send. Its watermark may have overtaken its own answer (two connections), so it may be settled at once. */
  track(partition: number, waiting: Waiting<S>): Reached<S>;
  reached(partition: number, upTo: EntryId): Reached<S>;
  /** Takes back what could not be settled; the next watermark brings it up again. */
  putBack(partition: number, waiting: Waiting<S>): void;
  forget(session: S): void;
  size(): number;
}

const NOTHING = { told: [], doubtful: [] } as const;

export function createWatermark<S>(): Watermark<S> {
  const lists = new Map<number, Waiting<S>[]>();
  const stored = new Map<number, EntryId>();

  const settle = (partition: number, upTo: EntryId): Reached<S> => {
    const list = lists.get(partition);
    if (list === undefined) return NOTHING;
    const passed = list.filter((each) => compareEntryIds(each.entry, upTo) <= 0);
    const rest = list.filter((each) => compareEntryIds(each.entry, upTo) > 0);
    if (rest.length === 0) lists.delete(partition);
    else lists.set(partition, rest);
    return {
      told: newest(passed.filter((each) => each.entry.epoch === upTo.epoch)),
      doubtful: passed.filter((each) => each.entry.epoch !== upTo.epoch),
    };
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
      const known = stored.get(partition);
      const passed = known !== undefined && compareEntryIds(waiting.entry, known) <= 0;
      return passed ? settle(partition, known) : NOTHING;
    },
    reached(partition, upTo) {
      // Watermarks may overtake each other between topic and pulse; an older one than the last settles nothing wrong.
      const last = stored.get(partition);
      if (last === undefined || compareEntryIds(upTo, last) > 0) stored.set(partition, upTo);
      return settle(partition, stored.get(partition) ?? upTo);
    },
    forget(session) {
      for (const [partition, list] of lists) {
        const rest = list.filter((each) => each.session !== session);
        if (rest.length === 0) lists.delete(partition);
        else if (rest.length < list.length) lists.set(partition, rest);
      }
    },
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
