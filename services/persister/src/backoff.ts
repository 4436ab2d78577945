// Waits between attempts while a store is away, longer with each failure, so that several persisters do not come back at
// the same moment. Used by the drain and at the start; what the drain waits for besides is not its business.
// States: the number of failures in a row.
import { backoffMs } from "@rookery/protocol";
import { pause } from "@rookery/runtime";

export interface Backoff {
  /** Counts a failure and resolves after the wait, or at once when `signal` is aborted. */
  wait(signal: AbortSignal): Promise<void>;
  reset(): void;
}

/** The ceiling is what an outage may cost beyond its own length. */
const AWAY = { floorMs: 20, firstMs: 50, ceilingMs: 1_000 };

export function createBackoff(): Backoff {
  let failures = 0;
  return {
    async wait(signal) {
      failures += 1;
      await pause(backoffMs(failures - 1, AWAY, Math.random()), { signal });
    },
    reset() {
      failures = 0;
    },
  };
}
