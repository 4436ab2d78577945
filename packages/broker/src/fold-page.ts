// Folds into the messages of a page what has happened to them: what the log and Postgres gave with them, what only Redis
// remembers of those that came out of Postgres, and how often each is answered. Called by whatever reads messages backward,
// and for the answers to one. Must never tell a number that is not whole: what cannot be counted is left out.
import { comparePositions, MAX_REPLIES } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { ActsReader } from "./acts-reader.ts";
import type { ColdReader } from "./cold-frames.ts";
import type { ChannelHead } from "./channel-head.ts";
import { countAnswers, fold, idOf, mergeSince } from "./fold.ts";
import type { LogReader } from "./log.ts";
import { CHUNK_ENTRIES } from "./log-walk.ts";
import type { PageWish } from "./page.ts";
import type { Reading } from "./reading.ts";

export interface Gathered {
  readonly wish: PageWish;
  /** From the log and from Postgres. */
  readonly hot: readonly StoredFrame[];
  readonly cold: readonly StoredFrame[];
  /** `hot` is everything from the newest message on: the answers to what is in it, and those that `cold` was not asked for. */
  readonly isNewest: boolean;
  /** As Redis has it; absent where it does not hold the channel, of which Postgres has everything then. */
  readonly head: ChannelHead | undefined;
}

export interface Folded {
  readonly hot: readonly StoredFrame[];
  /** As many, from the first on, as what is remembered of them fits into the page's bytes. */
  readonly cold: readonly StoredFrame[];
  /** Whether something has happened since the page was begun, which a follower is told of once more. */
  readonly isAhead: boolean;
}

export type FoldPage = (gathered: Gathered, cold: ColdReader, reading: Reading) => Promise<Folded>;

/** Up to where, exclusive, Postgres is to count answers: what stands beyond is counted in the log. */
export function answersEnd(head: ChannelHead | undefined): Position | undefined {
  return head === undefined ? undefined : { epoch: head.saved.epoch, seq: head.saved.seq + 1 };
}

export function createFoldPage(log: LogReader, acts: ActsReader): FoldPage {
  const countBeyond = createCountBeyond(log);

  return async function foldPage({ wish, hot, cold, isNewest, head }, coldReader, reading) {
    const ids = cold.map(({ frame }) => idOf(frame));
    const [remembered, counts] = await Promise.all([
      acts(wish.channel, ids, wish.maxBytes, reading),
      isNewest ? countAnswers(hot) : countElsewhere(wish, hot, head, coldReader, reading),
    ]);
    const older = cold.slice(0, remembered.known).map((stored, at) => {
      const since = mergeSince(stored.since, remembered.sinces.get(ids[at] ?? ""));
      return counted({ ...stored, ...(since === undefined ? {} : { since }) }, counts, stored.since?.replies ?? 0);
    });
    const newer = hot.map((stored) => counted(stored, counts, 0));
    const isAhead = head !== undefined && comparePositions(remembered.last, head.position) > 0;
    return { hot: newer.map(fold), cold: older.map(fold), isAhead };
  };

  /** Of a page beyond whose newest message there may be answers: undefined where somebody who is needed is away. */
  async function countElsewhere(
    { channel, maxBytes }: PageWish,
    hot: readonly StoredFrame[],
    head: ChannelHead | undefined,
    cold: ColdReader,
    reading: Reading,
  ): Promise<Counts> {
    try {
      // An answer stands behind what it answers: Postgres has none to what it has not.
      const saved = hot.filter(({ position }) => head === undefined || comparePositions(position, head.saved) < 0);
      const ids = saved.map(({ frame }) => idOf(frame));
      const stored =
        ids.length === 0 ? new Map<string, number>() : await cold.repliesCount(channel, ids, answersEnd(head));
      const beyond = await countBeyond(channel, head, maxBytes, reading);
      if (beyond === undefined) return undefined;
      for (const [id, count] of stored) beyond.set(id, (beyond.get(id) ?? 0) + count);
      return beyond;
    } catch {
      // A page without numbers is better than none.
      return undefined;
    }
  }
}

type Counts = ReadonlyMap<string, number> | undefined;

function counted(stored: StoredFrame, counts: Counts, known: number): StoredFrame {
  if (counts !== undefined && counts.size === 0 && known === 0) return stored;
  const id = idOf(stored.frame);
  const { replies: _, ...since } = stored.since ?? { id };
  const replies = counts === undefined ? 0 : Math.min(MAX_REPLIES, known + (counts.get(id) ?? 0));
  if (replies > 0) return { ...stored, since: { ...since, replies } };
  return stored.since === undefined ? stored : { ...stored, since };
}

/** Answers that Postgres does not have yet: of few entries, or undefined. A deletion that it does not have yet is late here. */
function createCountBeyond(log: LogReader) {
  return async function countBeyond(
    channel: string,
    head: ChannelHead | undefined,
    bytes: number,
    reading: Reading,
  ): Promise<Map<string, number> | undefined> {
    if (head === undefined || comparePositions(head.saved, head.position) >= 0) return new Map();
    const look = { channel, frames: CHUNK_ENTRIES, bytes, atLeastOne: false, entries: CHUNK_ENTRIES, which: "message" };
    const view = await log.up(look, head.saved, reading);
    if (view.ended !== "end") return undefined;
    return countAnswers(
      view.entries.flatMap(({ frame, ...entry }) => (frame === undefined ? [] : { ...entry, frame })),
    );
  };
}
