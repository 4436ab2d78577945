/**
 * Following one channel: what to ask the edge for, and which frames to hand on in which order. Each position is handed on once
 * and in order, over reconnects, holes and replies that are overtaken; what cannot be is told as a gap. Knows no socket.
 *
 * | state   | holds frames | leaves it by | to |
 * | ------- | ------------ | ------------ | -- |
 * | away    |              | a session    | joining |
 * | joining | yes          | the reply; a refusal | paging or live; out |
 * | paging  | yes          | the last page; a cursor that nobody knows; a refusal | live; joining; out |
 * | live    |              | a hole, `gap` | paging |
 * | out     |              | nothing      | |
 *
 * Every state is left for `away` when the connection is lost, and for `out` by leaving.
 */
import { comparePositions, ORIGIN } from "@rookery/protocol/wire";
import type { ErrorFrame, GapFrame, OkFrameOf, SequencedFrame } from "@rookery/protocol/wire";
import { beside, placeOf } from "./positions.ts";
import type { ChannelPhase, Position } from "./public-types.ts";
import type { Answered } from "./questions.ts";

export type JoinReply = Omit<OkFrameOf<"join">, "ref">;
export type Refused = Omit<ErrorFrame, "ref">;

/** What following asks for, and what it tells. */
export interface FollowingEvents {
  /** Joins after {@link Following.cursor}; the answer comes back by {@link Following.joined}. */
  readonly join: () => void;
  /** Asks for a page, which is answered for good or not at all. */
  readonly page: (after: Position, answered: Answered<"history">) => void;
  /** Forward, in order, each position once. */
  readonly next: (frame: SequencedFrame) => void;
  /** These stand before what was handed on: a store turned out to have more. */
  readonly late: (frames: readonly SequencedFrame[]) => void;
  /** Nothing that was handed on can be continued, or nothing was: this is the newest page, folded. */
  readonly restarted: (messages: readonly SequencedFrame[], more: boolean) => void;
  readonly gap: (from: Position, to: Position, lost: boolean) => void;
  readonly live: () => void;
  /** Not joined, and not to be tried again. */
  readonly out: (error: Refused) => void;
}

export interface Following {
  readonly phase: () => ChannelPhase;
  /** Of the last frame that was handed on. */
  readonly cursor: () => Position | undefined;
  /** A session is open; where nothing was followed yet, it goes on after `start`. */
  readonly open: (start: Position | undefined) => void;
  readonly lost: () => void;
  readonly joined: (reply: JoinReply | Refused) => void;
  readonly hear: (frame: SequencedFrame | GapFrame) => void;
  readonly leave: () => void;
}

/** Frames that wait for a page; those beyond are read from the past like what they follow. */
const MOST_HELD = 1_000;

export function createFollowing(events: FollowingEvents): Following {
  let phase: ChannelPhase = "away";
  let cursor: Position | undefined;
  let held: SequencedFrame[] = [];
  /** Told of a hole while a page was on its way, which may end before it. */
  let hasNewGap = false;
  /** What is missing before the cursor. */
  let late: { from: Position; readonly to: Position }[] = [];
  let isLateAsked = false;

  const isBehind = (position: Position): boolean => (cursor ? comparePositions(position, cursor) <= 0 : false);
  const follows = ({ seq, prev }: SequencedFrame): boolean =>
    !cursor || (prev ? comparePositions(prev, cursor) === 0 : seq === cursor.seq + 1);
  const next = (frame: SequencedFrame): void => {
    if (isBehind(frame)) return;
    cursor = placeOf(frame);
    events.next(frame);
  };

  const join = (): void => {
    phase = "joining";
    held = [];
    events.join();
  };
  const out = (error: Refused): void => {
    phase = "out";
    events.out(error);
  };

  const askOn = (): void => {
    phase = "paging";
    hasNewGap = false;
    events.page(cursor ?? ORIGIN, (answer) => {
      if (phase !== "paging") return;
      if (answer.type === "ok") take(answer);
      // The cursor is of a past that nobody has: joining finds out where to go on.
      else if (answer.code === "not_found" || answer.code === "not_joined") join();
      else out(answer);
    });
  };
  const take = ({ messages, more }: Pick<JoinReply, "messages" | "more">): void => {
    messages.forEach(next);
    if (more || hasNewGap) askOn();
    else goLive();
  };
  const goLive = (): void => {
    phase = "live";
    const overtaken = held.toSorted(comparePositions);
    held = [];
    for (const frame of overtaken) {
      // The past was just asked and has nothing in between.
      if (cursor && !isBehind(frame) && !follows(frame)) events.gap(beside(cursor), beside(frame, -1), true);
      next(frame);
    }
    events.live();
    askLate();
  };

  const askLate = (): void => {
    const [one] = late;
    if (!one || isLateAsked) return;
    isLateAsked = true;
    events.page(beside(one.from, -1), (answer) => {
      isLateAsked = false;
      const { messages, more } = answer.type === "ok" ? answer : { messages: [], more: false };
      events.late(messages.filter((frame) => comparePositions(frame, one.to) <= 0));
      const end = messages.at(-1) ?? one.to;
      if (more && comparePositions(end, one.to) < 0) one.from = beside(end);
      else late = late.filter((each) => each !== one);
      askLate();
    });
  };

  const hearGap = ({ from, to, lost = false }: Omit<GapFrame, "lost"> & { lost?: boolean }): void => {
    const isPast = isBehind(to);
    if (lost || isPast) events.gap(from, to, lost);
    if (!isPast) {
      if (phase === "live") askOn();
      else hasNewGap = true;
    } else if (!lost) {
      late.push({ from, to });
      if (phase === "live") askLate();
    }
  };

  return {
    phase: () => phase,
    cursor: () => cursor,
    open(start) {
      if (phase === "out") return;
      cursor ??= start;
      join();
    },
    leave: () => void (phase = "out"),
    lost() {
      if (phase !== "out") phase = "away";
      isLateAsked = false;
    },
    joined(reply) {
      if (phase !== "joining") return;
      if (reply.type === "error") {
        out(reply);
        return;
      }
      hasNewGap = false;
      if (cursor && reply.recovered) {
        take(reply);
        return;
      }
      const head = placeOf(reply);
      if (cursor) {
        const isBack = isBehind(head);
        // A cluster that knows less than this client has lost what comes after; one that knows more may still have it.
        if (comparePositions(head, cursor) !== 0)
          events.gap(beside(isBack ? head : cursor), isBack ? cursor : head, isBack);
      }
      cursor = head;
      late = [];
      events.restarted(reply.messages, reply.more);
      goLive();
    },
    hear(frame) {
      if (phase === "out" || phase === "away") return;
      if (frame.type === "gap") hearGap(frame);
      else if (phase === "live" && (follows(frame) || isBehind(frame))) next(frame);
      else {
        if (held.length < MOST_HELD) held.push(frame);
        else hasNewGap = true;
        if (phase === "live") askOn();
      }
    },
  };
}
