// The page right after a cursor: from the hot log alone where that continues the cursor, else from Postgres up to the log.
// Must never call a page recovered unless every frame in it follows the one before it, from the cursor on.
// Whatever the log no longer holds was confirmed by Postgres before it was taken out: so the log is always read first.
// Frames stand in it just as they were announced, but for messages that have been deleted since, which say nothing any more.
import { comparePositions, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { ActsReader } from "./acts-reader.ts";
import type { BackwardRead } from "./backward-page.ts";
import type { ColdReader } from "./cold-frames.ts";
import { bury, idOf, namesText } from "./fold.ts";
import type { LogEntry, LogReader, LogView } from "./log.ts";
import { continues } from "./log-walk.ts";
import { fit } from "./page.ts";
import type { ChannelHead } from "./channel-head.ts";
import type { ForwardPage, PageWish } from "./page.ts";
import type { Reading } from "./reading.ts";

/** `record`: what the stores have is all that is asked for, see History.forward. */
export type ForwardRead = (
  wish: PageWish,
  after: Position,
  cold: ColdReader,
  reading: Reading,
  record?: boolean,
) => Promise<ForwardPage>;

/** Where a cursor stands in a channel. */
export interface Standing {
  readonly head: ChannelHead;
  /** Whether the channel as we know it has this position: else nothing can be shown to follow it. */
  readonly isReachable: boolean;
}

/**
 * A Redis that was born later than the cursor knows nothing of what an earlier one numbered and Postgres never got: that is gone,
 * and in no record.
 */
export async function standingOf(
  { channel }: PageWish,
  after: Position,
  view: LogView,
  cold: ColdReader,
  record: boolean,
): Promise<Standing> {
  const head = view.head ?? (await cold.head(channel));
  const isKnown = record || samePosition(after, ORIGIN) || (view.born !== undefined && after.epoch >= view.born);
  return { head, isReachable: isKnown && comparePositions(after, head.position) <= 0 };
}

/** Whether these entries are all there is from the cursor on, or the beginning of it. */
export function isComplete(after: Position, entries: readonly LogEntry[], head: ChannelHead): boolean {
  const [first] = entries;
  return first === undefined ? samePosition(after, head.position) : continues(after, first);
}

export function createForward(log: LogReader, backward: BackwardRead, acts: ActsReader): ForwardRead {
  return async function forward(wish, after, cold, reading, record = false) {
    const { channel, limit, maxBytes: bytes, atLeastOne } = wish;
    const look = { channel, frames: limit, bytes, atLeastOne, entries: limit + 1, which: "" };
    const view = await log.up(look, after, reading);
    const { head, isReachable } = await standingOf(wish, after, view, cold, record);
    const lost = async (next?: LogEntry): Promise<ForwardPage> => ({
      ...(await backward(wish, undefined, cold, reading, { head })),
      recovered: false,
      ...(next?.prev !== undefined && comparePositions(next.prev, after) < 0 ? { stepsBackTo: next.prev } : {}),
    });
    if (!isReachable) return lost();

    let { entries } = view;
    if (!isComplete(after, entries, head)) {
      const stored = await buried(wish, await cold.after({ channel, from: after, most: limit + 1, bytes }), reading);
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

  /** Postgres may not have heard of a deletion that was announced already. */
  async function buried(
    { channel, maxBytes }: PageWish,
    stored: readonly StoredFrame[],
    reading: Reading,
  ): Promise<readonly StoredFrame[]> {
    const ids = [...new Set(stored.flatMap(({ frame }) => (namesText(frame) ? [idOf(frame)] : [])))];
    const { sinces, known } = await acts(channel, ids, maxBytes, reading);
    const unknown = new Set(ids.slice(known));
    const end = stored.findIndex(({ frame }) => namesText(frame) && unknown.has(idOf(frame)));
    return (end < 0 ? stored : stored.slice(0, end)).map((each) =>
      sinces.get(idOf(each.frame))?.deleted === true ? bury(each) : each,
    );
  }
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
