// Owns waiting for a condition, so that no test sleeps for a guessed time. Called by every test that watches a server.
// Must never swallow the last reason: a failure shows why the condition did not hold.
import { setTimeout as delay } from "node:timers/promises";

export interface EventuallyOptions {
  /** Gives up after this long. */
  withinMs?: number;
  /** Pause between two looks. */
  everyMs?: number;
  /** Names the condition in the failure. */
  what?: string;
}

/**
 * Repeats `check` until it neither throws nor returns false, and resolves with what it returned.
 * Rejects after `withinMs` with the last error as its cause.
 */
export const eventually = async <T>(
  check: () => T | false | Promise<T | false>,
  options: EventuallyOptions = {},
): Promise<T> => {
  const { withinMs = 10_000, everyMs = 20, what = "the condition" } = options;
  const deadline = Date.now() + withinMs;
  for (;;) {
    let last: unknown = "it was false";
    try {
      const result = await check();
      if (result !== false) return result;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) {
      const reason = last instanceof Error ? last.message : String(last);
      throw new Error(`${what} did not come about within ${withinMs} ms: ${reason}`, { cause: last });
    }
    await delay(everyMs);
  }
};
