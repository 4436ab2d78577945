// How long to wait before the next attempt to connect: full jitter between two bounds, from the beginning again once a
// connection has held. Pure but for the random number that is handed in.
import { BACKOFF_MAX_MS, BACKOFF_MIN_MS, BACKOFF_RESET_MS } from "@rookery/protocol";

export interface Backoff {
  /** The next wait, after a connection that held for `heldMs` (0 for an attempt that failed). */
  nextMs(heldMs: number): number;
}

/** `random` answers 0 up to but without 1. */
export function createBackoff(random: () => number = Math.random): Backoff {
  let attempt = 0;
  return {
    nextMs: (heldMs) => {
      if (heldMs >= BACKOFF_RESET_MS) attempt = 0;
      attempt += 1;
      const most = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** attempt);
      return Math.round(BACKOFF_MIN_MS + random() * (most - BACKOFF_MIN_MS));
    },
  };
}
