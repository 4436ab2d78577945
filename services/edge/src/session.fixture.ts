// A session whose socket does nothing but what a test watches. Only tests use it.
import type { Crowd } from "@rookery/broker";
import { DEFAULT_LIMITS } from "@rookery/protocol";
import type { EdgeContext } from "./context.ts";
import { bucketRules } from "./rates.ts";
import { Session } from "./session.ts";
import type { Wire } from "./session.ts";

export const COMMAND_BURST = 100;
export const SESSION_RULES = {
  buckets: bucketRules(DEFAULT_LIMITS, COMMAND_BURST),
  refused: () => undefined,
  told: () => undefined,
};
export const ALICE = { user: "alice", name: "Alice", expiresAtMs: 1e15, refreshAtMs: 1e15, issuedAtMs: 0 };

/** Nobody ever announces too much. */
export const NO_SHARED_RATES: EdgeContext["sharedRates"] = { take: () => undefined, size: () => 0 };

/** What a join is answered where nobody else is. */
export const ALONE = (): Promise<Crowd> => Promise.resolve({ online: 1, mode: "full" });

/** There is never too much to do. */
export const NO_OVERLOAD: EdgeContext["overload"] = { shedMs: () => 0 };

/** Nobody types, and nobody hears of anybody. */
export const NO_SIGNALS: EdgeContext["signals"] = {
  attendance: {
    ...{ entered: ALONE, exited: () => undefined, opened: () => undefined, ended: () => undefined },
    gone: () => undefined,
    hold: () => undefined,
  },
  typing: {
    type: () => undefined,
    stop: () => undefined,
    asked: () => undefined,
    size: () => 0,
    close: () => undefined,
  },
  typists: { framesFor: () => [] },
  crowds: { welcomed: () => undefined },
};

/** Nobody is banned everywhere, and what is known of rights may be relied upon. */
export const OPEN_CONTROL: EdgeContext["control"] = {
  gate: {
    ...{ isAllOpen: () => true, isOpen: () => true, whenOpen: () => undefined, looked: () => undefined },
    ...{ unwatched: () => undefined, closesAtMs: () => Number.POSITIVE_INFINITY, close: () => undefined },
  },
  table: { refusal: () => undefined, version: () => 0 },
  timedEnds: { expect: () => undefined },
  redisNowMs: Date.now,
};

/** Takes everything, and does nothing. */
export const NO_SOCKET: Wire = {
  ...{ send: () => undefined, publish: () => true, subscribe: () => undefined, unsubscribe: () => undefined },
  ...{ ping: () => undefined, end: () => undefined, signal: () => undefined },
  ...{ lane: undefined, bufferedBytes: () => 0, writeNow: () => undefined, write: () => undefined },
};

/** Opened at 0 ms, without an identity. */
export function sessionOn(watched: Partial<Wire>, id = "s1"): Session {
  return new Session(id, { ...NO_SOCKET, ...watched }, SESSION_RULES, 0);
}
