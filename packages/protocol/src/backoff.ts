/**
 * How long to wait before the next attempt: full jitter over a window that doubles with every failure, so that those who
 * failed together do not come back together. The protocol prescribes it to clients; servers use it with bounds of their own
 * towards their stores. Pure; must never keep count itself.
 */
import { BACKOFF_MAX_MS, BACKOFF_MIN_MS } from "./limits.ts";

export interface BackoffBounds {
  /** No wait is shorter. */
  readonly floorMs: number;
  /** The window before any doubling. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly ceilingMs: number;
}

/** Between two connections of a client. PROTOCOL.md, "Close codes". */
export const RECONNECT: BackoffBounds = Object.freeze({
  floorMs: BACKOFF_MIN_MS,
  firstMs: BACKOFF_MIN_MS,
  ceilingMs: BACKOFF_MAX_MS,
});

/** A wait in ms, not rounded. `doublings` is how often the window has doubled, `random` 0 up to but without 1. */
export function backoffMs(doublings: number, { floorMs, firstMs, ceilingMs }: BackoffBounds, random: number): number {
  const windowMs = Math.min(ceilingMs, firstMs * 2 ** doublings);
  return floorMs + random * (windowMs - floorMs);
}
