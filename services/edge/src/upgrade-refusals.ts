// Why an upgrade may be refused: one row for each reason, with what the client is told and who pays for it. The door
// decides by it, the listener answers from it, metrics and log name the same words.

import type { Log } from "@rookery/runtime";

interface Refusal {
  readonly status: string;
  readonly text: string;
  /** True: the fault is the client's, and counted against its address. */
  readonly pays: boolean;
}

export const UPGRADE_REFUSALS = {
  not_websocket: { status: "426 Upgrade Required", text: "this address speaks WebSocket, version 13", pays: true },
  bad_key: { status: "400 Bad Request", text: "Sec-WebSocket-Key must be 16 bytes in base64", pays: true },
  token_in_query: {
    status: "400 Bad Request",
    text: "a token does not belong into the query string",
    pays: true,
  },
  origin: { status: "403 Forbidden", text: "this origin is not on the allow-list", pays: true },
  cookie_without_origin: { status: "403 Forbidden", text: "a cookie needs an allowed Origin", pays: true },
  address_refused: {
    status: "429 Too Many Requests",
    text: "too many refused connections of this address",
    pays: false,
  },
  address_full: { status: "503 Service Unavailable", text: "too many connections of one address", pays: false },
  overloaded: { status: "503 Service Unavailable", text: "this node has too much to do", pays: false },
  node_full: { status: "503 Service Unavailable", text: "this node is full", pays: false },
  too_many_at_once: { status: "503 Service Unavailable", text: "too many connections at once", pays: false },
  not_ready: { status: "503 Service Unavailable", text: "this node is not ready yet", pays: false },
  draining: { status: "503 Service Unavailable", text: "this node is draining", pays: false },
} as const satisfies Record<string, Refusal>;

export type UpgradeRefusal = keyof typeof UPGRADE_REFUSALS;

/** A page that may not connect tries for ever, and so does whoever attacks: one line a reason in this time. */
const LOG_EVERY_MS = 10_000;
/** What a stranger wrote is logged no longer than this. */
const LOGGED_ORIGIN_CHARS = 200;

/** Tells of refusals, each reason once in ten seconds and how many there were since. */
export function createRefusalLog(log: Pick<Log, "warn">) {
  const told = new Map<UpgradeRefusal, { atMs: number; since: number }>();
  return (reason: UpgradeRefusal, origin: string, nowMs: number): void => {
    const last = told.get(reason);
    if (last !== undefined && nowMs - last.atMs < LOG_EVERY_MS) {
      last.since += 1;
      return;
    }
    const count = (last?.since ?? 0) + 1;
    told.set(reason, { atMs: nowMs, since: 0 });
    log.warn({ reason, origin: origin.slice(0, LOGGED_ORIGIN_CHARS), count }, "upgrade refused");
  };
}
