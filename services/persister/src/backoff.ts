// How long to wait before the next attempt while a store is away: full jitter over a window that doubles, so that several
// persisters do not come back at the same moment.
// States: the number of failures in a row.

export interface Backoff {
  /** Counts a failure and resolves after the wait, or at once when `signal` is aborted. */
  wait(signal: AbortSignal): Promise<void>;
  reset(): void;
}

const FLOOR_MS = 20;
const FIRST_WINDOW_MS = 50;
/** What an outage may cost beyond its own length. */
const CEILING_MS = 1_000;

export function createBackoff(random: () => number = Math.random): Backoff {
  let failures = 0;
  return {
    async wait(signal) {
      const windowMs = Math.min(CEILING_MS, FIRST_WINDOW_MS * 2 ** Math.min(failures, 10));
      failures += 1;
      await pause(FLOOR_MS + random() * (windowMs - FLOOR_MS), signal);
    },
    reset() {
      failures = 0;
    },
  };
}

/** Resolves after the time, or as soon as the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
