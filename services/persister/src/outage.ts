// Knows whether one store can be reached, as far as the last attempt told, and says each change once in the log.
// One for Redis and one for Postgres, fed by drain.ts and, for Postgres, by the store's own connections.
// States: unknown, reachable, lost.

export type OutageState = "unknown" | "reachable" | "lost";

/** The store is merely away, or answers and will not write, or refuses what no store should refuse: a fault of ours. */
export type OutageKind = "away" | "refuses" | "fault";

export interface Outage {
  readonly state: OutageState;
  /** What keeps the store from serving, as far as the last attempt told, in words for an operator. */
  trouble(): string | undefined;
  /** An attempt worked. */
  back(): void;
  /** An attempt failed; a text is the reason itself. */
  lost(error: unknown, kind: OutageKind): void;
}

const WORDS = {
  away: "is away",
  refuses: "refuses to write",
  fault: "refuses what it is asked",
} as const satisfies Record<OutageKind, string>;

/** Where the lines go: a part of the process' log. */
export type OutageLog = Record<"info" | "warn" | "error", (fields: object, message: string) => void>;

export interface OutageOptions {
  /**
   * A store that is reached by several connections is back only when all of them are, or an outage would be told once for
   * each.
   */
  readonly isWhole?: () => boolean;
  /** What went wrong, in one line without anybody's data. */
  readonly reasonOf?: (error: unknown) => string;
  /** Monotonic; for tests. */
  readonly clock?: () => number;
}

export function createOutage(store: string, log: OutageLog, options: OutageOptions = {}): Outage {
  const { isWhole = () => true, reasonOf = codeOf, clock = () => performance.now() } = options;
  let state: OutageState = "unknown";
  let lostAtMs = 0;
  let saidFault = false;
  let trouble: string | undefined;
  return {
    get state() {
      return state;
    },
    trouble: () => trouble,
    back() {
      if (state === "lost" && !isWhole()) return;
      if (state === "lost") log.info({ awayMs: Math.round(clock() - lostAtMs) }, `${store} is back`);
      state = "reachable";
      saidFault = false;
      trouble = undefined;
    },
    lost(error, kind) {
      const reason = typeof error === "string" ? error : reasonOf(error);
      if (state !== "lost") lostAtMs = clock();
      const line = `${store} ${WORDS[kind]}; entries wait`;
      // A fault that shows up in the middle of an outage is news; the outage itself is told once.
      if (kind === "fault" && !saidFault) log.error({ err: error }, line);
      else if (state !== "lost" && kind !== "fault") log.warn({ detail: reason }, line);
      saidFault ||= kind === "fault";
      state = "lost";
      trouble = `${store} ${WORDS[kind]} (${reason})`;
    },
  };
}

function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string")
    return error.code;
  return "no answer";
}
