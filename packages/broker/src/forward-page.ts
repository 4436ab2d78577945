// The page right after a cursor: from the hot log alone where that continues the cursor, else from Postgres up to the log.
// Must never call a page recovered unless every frame in it follows the one before it, from the cursor on.
// Whatever the log no longer holds was confirmed by Postgres before it was taken out: so the log is always read first.
import { comparePositions, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { BackwardRead } from "./backward-page.ts";
import type { ColdReader } from "./cold-frames.ts";
import type { LogEntry, LogReader, LogView } from "./log.ts";
import { continues } from "./log-walk.ts";
import { fit } from "./page.ts";
import type { ChannelHead } from "./channel-head.ts";
import type { ForwardPage, PageWish } from "./page.ts";
import type { Reading } from "./reading.ts";

export type ForwardRead = (wish: PageWish, after: Position, cold: ColdReader, reading: Reading) => Promise<ForwardPage>;

/** Where a cursor stands in a channel. */
export interface Standing {
  readonly head: ChannelHead;
  /** Whether the channel as we know it has this position: else nothing can be shown to follow it. */
  readonly isReachable: boolean;
}

/** A Redis that was born later than the cursor knows nothing of what an earlier one numbered and Postgres never got. */
export async function standingOf(
  { channel }: PageWish,
  after: Position,
  view: LogView,
  cold: ColdReader,
): Promise<Standing> {
  const head = view.head ?? (await cold.head(channel));
  const isKnown = samePosition(after, ORIGIN) || (view.born !== undefined && after.epoch >= view.born);
  return { head, isReachable: isKnown && comparePositions(after, head.position) <= 0 };
}

/** Whether these entries are all there is from the cursor on, or the beginning of it. */
export function isComplete(after: Position, entries: readonly LogEntry[], head: ChannelHead): boolean {
  const [first] = entries;
  return first === undefined ? samePosition(after, head.position) : continues(after, first);
}

export function createForward(log: LogReader, backward: BackwardRead): ForwardRead {
  return async function forward(wish, after, cold, reading) {
    const { channel, limit, maxBytes: bytes, atLeastOne } = wish;
    const look = { channel, frames: limit, bytes, atLeastOne, entries: limit + 1, which: "" };
    const view = await log.up(look, after, reading);
    const { head, isReachable } = await standingOf(wish, after, view, cold);
    const lost = async (next?: LogEntry): Promise<ForwardPage> => ({
      ...(await backward(wish, undefined, cold, reading, { head })),
      recovered: false,
      ...(next?.prev !== undefined && comparePositions(next.prev, after) < 0 ? { stepsBackTo: next.prev } : {}),
    });
    if (!isReachable) return lost();

    let { entries } = view;
    if (!isComplete(after, entries, head)) {
      const stored = await cold.after({ channel, from: after, most: limit + 1, bytes });
      const end = stored.at(-1)?.position ?? after;
      // What Postgres does not have (or what has no room in this page) is in the log.
      const isAll = stored.length > limit || comparePositions(end, head.position) >= 0;
      const rest = isAll ? [] : (await log.up(look, end, reading)).entries;
      entries = [...stored, ...rest];
    }
    if (!isComplete(after, entries, head)) return lost(entries[0]);

    const page = fit(unbroken(after, entries), wish);
    const end = page.at(-1)?.position ?? after;
    return {
      frames: page,
      more: page.length < entries.length || comparePositions(end, head.position) < 0,
      recovered: true,
      head,
    };
  };
}

/** The leading entries that follow each other, as far as their frames were given; what is beyond is for the next page. */
export function unbroken(after: Position, entries: readonly LogEntry[]): StoredFrame[] {
  const frames: StoredFrame[] = [];
  let before = after;
  for (const { frame, ...entry } of entries) {
    if (frame === undefined || !continues(before, entry)) break;
    frames.push({ ...entry, frame });
    before = entry.position;
  }
  return frames;
}
