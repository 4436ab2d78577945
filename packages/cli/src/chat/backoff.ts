// Counts the attempts to connect that came to nothing, and begins anew once a connection has held; how long to wait is the
// protocol's rule. Called by stay-connected.ts. Pure but for the random number that is handed in.
// States: the attempts in a row.
import { BACKOFF_RESET_MS, backoffMs, RECONNECT } from "@rookery/protocol";

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
      return Math.round(backoffMs(attempt, RECONNECT, random()));
    },
  };
}
