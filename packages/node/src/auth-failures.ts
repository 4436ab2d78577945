// Tells of credentials that were not taken, at most once a minute for each address: what is tried in between is counted,
// and told with its count when the minute is over. Made by refusal-notes; it refuses nobody.
// Must never hold more than a bounded number of addresses: beyond that all others are told as one.
// States of an address: not known, or counting until its minute is over.

/** Of one address, or of all those that found no room (""). */
export interface AuthFailureNote {
  readonly address: string;
  /** Why the last one was not taken. */
  readonly reason: string;
  /** How many since the one before, this one included. */
  readonly count: number;
}

export interface AuthFailuresOptions {
  note(this: void, failure: AuthFailureNote): void;
  readonly everyMs?: number;
  readonly mostAddresses?: number;
}

export interface AuthFailures {
  failed(this: void, address: string, reason: string): void;
  /** Tells what is still counted. */
  close(this: void): void;
}

const EVERY_MS = 60_000;
/** About a megabyte. */
const MOST_ADDRESSES = 10_000;

interface Counting {
  count: number;
  reason: string;
  untilMs: number;
}

export function createAuthFailures(options: AuthFailuresOptions): AuthFailures {
  const { note, everyMs = EVERY_MS, mostAddresses = MOST_ADDRESSES } = options;
  /** In the order in which their minutes end. */
  const counting = new Map<string, Counting>();

  /** Those whose minute is over: told if there is anything to tell, and counted on, or forgotten. */
  function sweep(nowMs: number): void {
    for (const [address, { count, reason, untilMs }] of counting) {
      if (untilMs > nowMs) break;
      counting.delete(address);
      if (count === 0) continue;
      note({ address, reason, count });
      counting.set(address, { count: 0, reason, untilMs: nowMs + everyMs });
    }
  }

  const timer = setInterval(() => sweep(performance.now()), Math.min(everyMs, 5_000)).unref();
  return {
    failed(from, reason) {
      const nowMs = performance.now();
      sweep(nowMs);
      const address = counting.has(from) || counting.size < mostAddresses ? from : "";
      const known = counting.get(address);
      if (known === undefined) {
        counting.set(address, { count: 0, reason, untilMs: nowMs + everyMs });
        note({ address, reason, count: 1 });
      } else {
        known.count += 1;
        known.reason = reason;
      }
    },
    close() {
      clearInterval(timer);
      sweep(Number.POSITIVE_INFINITY);
      counting.clear();
    },
  };
}
