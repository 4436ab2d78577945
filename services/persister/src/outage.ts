// Knows whether one store can be reached, as far as the last attempt told, and says each change once in the log.
// One for Redis and one for Postgres, fed by drain.ts and, for Postgres, by the store's own connections.
// States: unknown, reachable, lost.

export type OutageState = "unknown" | "reachable" | "lost";

export interface Outage {
  readonly state: OutageState;
  /** An attempt worked. */
  back(): void;
  /** An attempt failed; `expected` when the store is merely away, false when the failure is a fault of ours. */
  lost(error: unknown, expected: boolean): void;
}

/** Where the lines go: a part of the process' log. */
export type OutageLog = Record<"info" | "warn" | "error", (fields: object, message: string) => void>;

/**
 * `isWhole`: a store that is reached by several connections is back only when all of them are, or an outage would be told
 * once for each.
 */
export function createOutage(
  store: string,
  log: OutageLog,
  isWhole: () => boolean = () => true,
  clock: () => number = () => performance.now(),
): Outage {
  let state: OutageState = "unknown";
  let lostAtMs = 0;
  let saidFault = false;
  return {
    get state() {
      return state;
    },
    back() {
      if (state === "lost" && !isWhole()) return;
      if (state === "lost") log.info({ awayMs: Math.round(clock() - lostAtMs) }, `${store} is back`);
      state = "reachable";
      saidFault = false;
    },
    lost(error, expected) {
      if (state !== "lost") lostAtMs = clock();
      // A fault that shows up in the middle of an outage is news; the outage itself is told once.
      if (!expected && !saidFault) log.error({ err: error }, `${store} refuses what it is asked; entries wait`);
      else if (state !== "lost" && expected) log.warn({ detail: detailOf(error) }, `${store} is away; entries wait`);
      saidFault ||= !expected;
      state = "lost";
    },
  };
}

function detailOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string")
    return error.code;
  return "no answer";
}
