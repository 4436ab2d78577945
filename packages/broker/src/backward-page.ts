// The newest messages, or those before a cursor: from the hot log as far as it goes without a hole, then from Postgres, with
// what has happened to them since folded in. With a message's id only the answers to it. Must never step over a hole, and
// never look at the whole of a log that grows because Postgres lags.
import { comparePositions, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { ColdReader, Stretch } from "./cold-frames.ts";
import { answersEnd } from "./fold-page.ts";
import type { FoldPage } from "./fold-page.ts";
import { bytesOf } from "./log.ts";
import type { LogWalk, WalkedLog } from "./log-walk.ts";
import { fit } from "./page.ts";
import type { ChannelHead } from "./channel-head.ts";
import type { BackwardPage, PageWish } from "./page.ts";
import { tooMuchUnstored } from "./reading.ts";
import type { Reading } from "./reading.ts";

export interface BackwardOptions {
  readonly replyTo?: string;
  /** Where the channel stands, if that was read already. */
  readonly head?: ChannelHead;
}

export type BackwardRead = (
  wish: PageWish,
  before: Position | undefined,
  cold: ColdReader,
  reading: Reading,
  options?: BackwardOptions,
) => Promise<BackwardPage>;

/** So often is a page begun anew because something happened to its messages while Postgres was asked for them. */
const MOST_TRIES = 3;

export function createBackward(walk: LogWalk, foldPage: FoldPage): BackwardRead {
  return async function backward(wish, before, cold, reading, options = {}) {
    for (let tries = 1; ; tries += 1) {
      const { page, isAhead } = await once(wish, before, cold, reading, options);
      if (!isAhead || tries === MOST_TRIES) return page;
    }
  };

  async function once(
    wish: PageWish,
    before: Position | undefined,
    cold: ColdReader,
    reading: Reading,
    { replyTo, head: known }: BackwardOptions,
  ): Promise<{ readonly page: BackwardPage; readonly isAhead: boolean }> {
    const hot = await walk(wish, before, reading, replyTo);
    const head = hot.head ?? known ?? (await cold.head(wish.channel));
    const isNewest = replyTo === undefined && (before === undefined || comparePositions(before, head.position) > 0);
    const page = async (older: readonly StoredFrame[], more: boolean) => {
      const gathered = { wish, hot: hot.frames, cold: older, isNewest, head: hot.head };
      const folded = await foldPage(gathered, cold, reading);
      const frames = fit([...folded.hot, ...folded.cold], wish).toReversed();
      const isCut = frames.length < hot.frames.length + older.length;
      return { page: { frames, more: more || isCut, head }, isAhead: folded.isAhead };
    };
    if (hot.ended === "beginning" || samePosition(head.position, ORIGIN)) return page([], false);
    if (hot.ended === "more" || isFull(hot, wish, replyTo) || !isBelowStored(hot, head)) return page([], true);

    const hotBytes = hot.frames.reduce((sum, frame) => sum + bytesOf(frame) + 1, 0);
    const stretch: Stretch = {
      channel: wish.channel,
      from: hot.end ?? before,
      most: wish.limit + 1 - hot.frames.length,
      bytes: Math.max(1, wish.maxBytes - hotBytes),
      answers: isNewest ? hot.end : answersEnd(hot.head),
    };
    try {
      const older = await (replyTo === undefined ? cold.before(stretch) : cold.repliesBefore(stretch, replyTo));
      return await page(older, false);
    } catch (error) {
      if (hot.frames.length === 0) throw error;
      return page([], true);
    }
  }
}

/** A walk that ended above the beginning has something below it: a page that needs none of it says so and asks nobody. */
function isFull({ frames }: WalkedLog, { limit }: PageWish, replyTo: string | undefined): boolean {
  return replyTo === undefined && frames.length >= limit;
}

/**
 * Whether what is older than the end of the walk is in Postgres. A walk that was given up among what Postgres does not have
 * yet knows nothing of what lies below; with nothing found there is no position to go on from, so it is to be asked later.
 */
function isBelowStored({ ended, end, frames }: WalkedLog, { saved }: ChannelHead): boolean {
  if (ended !== "tired" || (end !== undefined && comparePositions(end, saved) <= 0)) return true;
  if (frames.length === 0) throw tooMuchUnstored();
  return false;
}
