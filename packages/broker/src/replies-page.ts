// The answers to one message right after a cursor. Postgres finds them by an index however far they lie; the log is only
// searched for those that Postgres may not have yet, and only so far. Must never search a channel frame by frame. What has
// happened to them since is folded in, as in a page that is read backward: edits are no answers, so they are not in the page.
import { comparePositions, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { ColdReader } from "./cold-frames.ts";
import { answersEnd } from "./fold-page.ts";
import type { FoldPage } from "./fold-page.ts";
import { isComplete, standingOf } from "./forward-page.ts";
import { bytesOf } from "./log.ts";
import type { LogReader } from "./log.ts";
import { CHUNK_ENTRIES, continues, MOST_ENTRIES } from "./log-walk.ts";
import { fit } from "./page.ts";
import type { ForwardPage, PageWish } from "./page.ts";
import { tooMuchUnstored } from "./reading.ts";
import type { Reading } from "./reading.ts";

export type RepliesRead = (
  wish: PageWish,
  after: Position,
  replyTo: string,
  cold: ColdReader,
  reading: Reading,
) => Promise<ForwardPage>;

/** Answers found in the log, ascending. */
interface Found {
  readonly frames: readonly StoredFrame[];
  /** all: up to the head. more: another is there. tired: has looked at all it may. hole: an entry does not follow. */
  readonly ended: "all" | "more" | "tired" | "hole";
}

export function createReplies(log: LogReader, foldPage: FoldPage): RepliesRead {
  const search = createSearch(log);
  return async function replies(wish, after, replyTo, cold, reading) {
    const { channel, limit, maxBytes: bytes } = wish;
    const look = { channel, frames: 0, bytes: 0, atLeastOne: false, entries: 1, which: "" };
    const view = await log.up(look, after, reading);
    const { head, isReachable } = await standingOf(wish, after, view, cold, true);
    const isHot = isComplete(after, view.entries, head);
    const page = async (
      stored: readonly StoredFrame[],
      found: readonly StoredFrame[],
      more: boolean,
    ): Promise<ForwardPage> => {
      const gathered = { wish, hot: found, cold: stored, isNewest: false, head: view.head };
      const folded = await foldPage(gathered, cold, reading);
      const isWhole = folded.cold.length === stored.length;
      const fitting = fit(isWhole ? [...folded.cold, ...folded.hot] : folded.cold, wish);
      return { frames: fitting, more: more || fitting.length < stored.length + found.length, recovered: true, head };
    };
    const lost: ForwardPage = { frames: [], more: false, recovered: false, head };
    if (!isReachable) return lost;
    if (samePosition(after, head.position)) return { ...lost, recovered: true };

    // One that stands near the head is answered by the log alone, also while Postgres is away.
    if (isHot && head.position.seq - after.seq <= MOST_ENTRIES) {
      const found = await search(wish, after, replyTo, reading, false);
      if (found.ended === "all" || found.ended === "more") return page([], found.frames, found.ended === "more");
    }
    const found = await search(wish, after, replyTo, reading, true);
    const next = isHot ? view.entries : await cold.after({ channel, from: after, most: 1, bytes: 1 });
    if (next[0] === undefined || !continues(after, next[0])) return lost;
    // Read after the log: whatever has left the log since is in here.
    const stretch = { channel, from: after, most: limit + 1, bytes, answers: answersEnd(view.head) };
    const stored = await cold.repliesAfter(stretch, replyTo);
    const end = stored.at(-1)?.position ?? after;
    const rest = found.frames.filter(({ position }) => comparePositions(position, end) > 0);
    if (stored.length + rest.length === 0 && found.ended === "tired") throw tooMuchUnstored();
    if (stored.length + rest.length === 0 && found.ended === "hole") return lost;
    return page(stored, rest, found.ended !== "all");
  };
}

function createSearch(log: LogReader) {
  return async function search(
    { channel, limit, maxBytes, atLeastOne }: PageWish,
    after: Position,
    which: string,
    reading: Reading,
    beyondSaved: boolean,
  ): Promise<Found> {
    const frames: StoredFrame[] = [];
    let end = after;
    let bytes = maxBytes;
    for (let looked = 0; looked < MOST_ENTRIES;) {
      const given = frames.length;
      const room = { frames: limit - given, bytes, atLeastOne: atLeastOne && given === 0 };
      const entries = Math.min(CHUNK_ENTRIES, MOST_ENTRIES - looked);
      const view = await log.up({ channel, ...room, entries, which }, end, reading, beyondSaved && looked === 0);
      end = view.start ?? end;
      looked += view.entries.length;
      for (const { frame, ...entry } of view.entries) {
        if (!continues(end, entry)) return { frames, ended: "hole" };
        end = entry.position;
        if (frame === undefined) continue;
        frames.push({ ...entry, frame });
        bytes -= bytesOf({ ...entry, frame }) + 1;
      }
      if (view.ended === "end") return { frames, ended: isAtHead(end, view.head?.position) ? "all" : "hole" };
      if (view.ended !== "looked") return { frames, ended: view.ended === "apart" ? "hole" : "more" };
    }
    return { frames, ended: "tired" };
  };
}

/** A log that ends before the head has lost its end. One that Redis does not hold has nothing that Postgres has not. */
function isAtHead(end: Position, head: Position | undefined): boolean {
  return head === undefined || comparePositions(end, head) >= 0;
}
