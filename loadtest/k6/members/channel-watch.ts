// Judges what one member is told of one channel against what the protocol promises: every position once, in order, none
// missing. Called by member.ts for each frame, so that a fault is counted while the load goes on. Pure: the time is handed in.
// States: holding (waits for the reply to its join or for a page; live frames are kept) and live.
import { isAfter } from "./frame.ts";
import type { Gap, Page, Position, Sequenced } from "./frame.ts";

/** `lost`: never told; `repeated`: told twice, or said once and told at two positions; `disordered`: told behind a later one. */
export type Fault = "lost" | "repeated" | "disordered" | "unrecovered";

export interface ChannelWatch {
  /** Where the member stands; undefined until its first join was answered. */
  cursor(): Position | undefined;
  isLive(): boolean;
  /** A connection begins. */
  hold(): void;
  /** The reply to `join`. The position to read on from, or undefined once it is live. */
  entered(reply: Page): Position | undefined;
  /** A page of `history` with `after`, as `entered`. */
  page(reply: Page): Position | undefined;
  live(frame: Sequenced, nowMs: number): void;
  /** Whether what it names has to be read from the cursor on. */
  gap(gap: Gap): boolean;
  /** Order among the member's own sends: `turn` counts them. */
  answered(turn: number, position: Position): void;
  /** What stays away for so long counts as lost. */
  sweep(nowMs: number): void;
  /** What the server has of the channel and the member may not have been told yet. */
  owe(frames: readonly Sequenced[]): void;
  /** All that `owe` named was told, and nothing is missing. */
  isSettled(): boolean;
  /** Counts what is still owed as lost. */
  giveUp(): void;
}

/** How long another frame may overtake one before that counts as lost and not as late. */
const LATE_MS = 2_000;
/** Positions and messages that are remembered: more than a second of the busiest channel. */
const REMEMBERED = 4_096;

export function watchChannel(report: (fault: Fault, count: number) => void): ChannelWatch {
  let cursor: Position | undefined;
  /** Nothing at or before it is owed to this connection. */
  let base: Position = { epoch: 0, seq: 0 };
  let held: Sequenced[] | undefined = [];
  /** The server said that nobody has these any longer. */
  let goneUpTo = 0;
  let owed: readonly Position[] | undefined;
  let lastTurn = -1;
  let lastAnswer: Position = base;
  /** Whether a position was told live, or stood in a page only. */
  const seen = createMemory<boolean>();
  const said = createMemory<string>();
  /** By sequence number, which never begins anew: since when it is missing. */
  const missing = new Map<number, number>();

  function standAt(head: Position): void {
    cursor = head;
    base = head;
    missing.clear();
  }

  function advance(frame: Sequenced, from: Position, nowMs: number): void {
    const follows = frame.prev?.epoch === from.epoch && frame.prev.seq === from.seq;
    if (!follows && frame.seq !== from.seq + 1) {
      for (let seq = Math.max(from.seq, goneUpTo) + 1; seq < frame.seq; seq += 1) missing.set(seq, nowMs);
      // A step back that the frame does not account for: what it hides has no number.
      if (frame.seq <= from.seq) report("lost", 1);
    }
    cursor = { epoch: frame.epoch, seq: frame.seq };
  }

  function noteMessage(frame: Sequenced, at: string): void {
    if (frame.type !== "message" || frame.clientId === undefined) return;
    const key = `${frame.user ?? ""} ${frame.clientId}`;
    const other = said.get(key);
    if (other !== undefined && other !== at) report("repeated", 1);
    said.set(key, at);
  }

  function take(frame: Sequenced, isLiveFrame: boolean, nowMs: number): void {
    if (cursor === undefined) return;
    const at = `${frame.epoch}-${frame.seq}`;
    const before = seen.get(at);
    if (before === undefined && isAfter(frame, cursor)) advance(frame, cursor, nowMs);
    else if (before === true && isLiveFrame) report("repeated", 1);
    else if (before === undefined && isAfter(frame, base)) {
      missing.delete(frame.seq);
      if (isLiveFrame) report("disordered", 1);
    }
    if (before === undefined) noteMessage(frame, at);
    seen.set(at, isLiveFrame || before === true);
  }

  function release(): void {
    const waiting = held ?? [];
    held = undefined;
    for (const frame of waiting) take(frame, true, 0);
  }

  function readPage(reply: Page): Position | undefined {
    for (const frame of reply.messages ?? []) take(frame, false, 0);
    if (reply.more === true) return cursor;
    release();
    return undefined;
  }

  return {
    cursor: () => cursor,
    isLive: () => held === undefined,
    hold() {
      held = [];
      seen.clear();
      if (cursor !== undefined) base = cursor;
    },
    entered(reply) {
      if (cursor !== undefined && reply.recovered === true) return readPage(reply);
      if (cursor !== undefined) report("unrecovered", 1);
      standAt({ epoch: reply.epoch ?? 0, seq: reply.seq ?? 0 });
      release();
      return undefined;
    },
    page: readPage,
    live(frame, nowMs) {
      if (held === undefined) take(frame, true, nowMs);
      else held.push(frame);
    },
    gap({ from, to, lost }) {
      for (const seq of missing.keys()) if (seq >= from.seq && seq <= to.seq) missing.delete(seq);
      if (lost === true) {
        goneUpTo = Math.max(goneUpTo, to.seq);
        report("lost", Math.max(1, to.seq - from.seq + 1));
      }
      if (cursor === undefined || !isAfter(to, cursor)) return false;
      held ??= [];
      return true;
    },
    answered(turn, position) {
      const isLater = turn > lastTurn;
      if (lastTurn >= 0 && isAfter(position, lastAnswer) !== isLater) report("disordered", 1);
      if (isLater) [lastTurn, lastAnswer] = [turn, position];
    },
    sweep(nowMs) {
      const overdue = [...missing].filter(([, sinceMs]) => nowMs - sinceMs > LATE_MS);
      for (const [seq] of overdue) missing.delete(seq);
      if (overdue.length > 0) report("lost", overdue.length);
    },
    owe(frames) {
      owed = frames;
    },
    isSettled: () => held === undefined && missing.size === 0 && owed?.every((one) => !isBeyond(one, cursor)) === true,
    giveUp() {
      const untold = owed?.filter((position) => isBeyond(position, cursor)).length ?? 0;
      if (untold + missing.size > 0) report("lost", untold + missing.size);
      missing.clear();
      owed = undefined;
    },
  };
}

function isBeyond(position: Position, cursor: Position | undefined): boolean {
  return cursor !== undefined && isAfter(position, cursor);
}

interface Memory<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  clear(): void;
}

/** Forgets the oldest. */
function createMemory<T>(): Memory<T> {
  const kept = new Map<string, T>();
  return {
    get: (key) => kept.get(key),
    set(key, value) {
      kept.set(key, value);
      const [oldest] = kept.size > REMEMBERED ? kept.keys() : [];
      if (oldest !== undefined) kept.delete(oldest);
    },
    clear: () => kept.clear(),
  };
}
