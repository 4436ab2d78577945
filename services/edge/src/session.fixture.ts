// A session whose socket does nothing but what a test watches. Only tests use it.
import { DEFAULT_LIMITS } from "@rookery/protocol";
import { bucketRules } from "./rates.ts";
import { Session } from "./session.ts";
import type { Wire } from "./session.ts";

export const COMMAND_BURST = 100;
export const SESSION_RULES = { buckets: bucketRules(DEFAULT_LIMITS, COMMAND_BURST), refused: () => undefined };
export const ALICE = { user: "alice", name: "Alice", expiresAtMs: 1e15, refreshAtMs: 1e15 };

const NO_SOCKET: Wire = {
  ...{ send: () => undefined, publish: () => true, subscribe: () => undefined, unsubscribe: () => undefined },
  ...{ ping: () => undefined, end: () => undefined },
};

/** Opened at 0 ms, without an identity. */
export function sessionOn(watched: Partial<Wire>, id = "s1"): Session {
  return new Session(id, { ...NO_SOCKET, ...watched }, SESSION_RULES, 0);
}
