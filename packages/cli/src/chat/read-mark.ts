// How far this user has read, as `chat` tells the edge: at most once a second, forward only, and only of what was shown. Kept
// by the core of `chat`. Pure.
import { comparePositions, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";

export interface ReadMark {
  /** What the cluster has, as a join's answer tells: what was told on a connection that is gone may not have got there. */
  confirmed(position: Position): void;
  /** Told of another session of the same user. */
  known(position: Position): void;
  /** Whether it was read before. */
  covers(position: Position): boolean;
  shown(position: Position): void;
  /** What to tell now, if anything. Told at most once a second: see `dueInMs`. */
  take(nowMs: number): Position | undefined;
  /** When to ask again; undefined when there is nothing to tell. */
  dueInMs(nowMs: number): number | undefined;
}

const EVERY_MS = 1000;

export function createReadMark(): ReadMark {
  let read: Position = ORIGIN;
  let seen: Position = ORIGIN;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  const isDue = (): boolean => comparePositions(seen, read) > 0;
  return {
    confirmed: (position) => void (read = position),
    known(position) {
      if (comparePositions(position, read) > 0) read = position;
    },
    covers: (position) => comparePositions(position, read) <= 0,
    shown(position) {
      if (comparePositions(position, seen) > 0) seen = position;
    },
    take(nowMs) {
      if (!isDue() || nowMs - toldAtMs < EVERY_MS) return undefined;
      toldAtMs = nowMs;
      read = seen;
      return seen;
    },
    dueInMs: (nowMs) => (isDue() ? Math.max(0, toldAtMs + EVERY_MS - nowMs) : undefined),
  };
}
