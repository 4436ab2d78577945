/**
 * The farewells to one connection: close words, their codes and what a client does next.
 * The edge closes with them, clients read them. The range of a code decides alone, so a code added later is understood.
 */

/** What a client does after a close: come back with backoff, come back with a fresh token, or stay away. */
export type CloseAction = "reconnect" | "renew" | "stop";

interface CloseRow {
  readonly code: number;
  readonly action: CloseAction;
}

/** Every close code of our own. The word is sent as the close reason. */
export const CLOSES = {
  draining: { code: 4000, action: "reconnect" },
  slow: { code: 4001, action: "reconnect" },
  idle: { code: 4002, action: "reconnect" },
  resync: { code: 4003, action: "reconnect" },
  lifetime: { code: 4004, action: "reconnect" },
  overloaded: { code: 4005, action: "reconnect" },
  too_fast: { code: 4006, action: "reconnect" },
  token: { code: 4401, action: "renew" },
  revoked: { code: 4403, action: "renew" },
  auth_timeout: { code: 4408, action: "renew" },
  protocol: { code: 4500, action: "stop" },
  banned: { code: 4503, action: "stop" },
  replaced: { code: 4509, action: "stop" },
} as const satisfies Record<string, CloseRow>;

export type CloseReason = keyof typeof CLOSES;

/** Standard codes after which the same connection attempt would end the same way (RFC 6455, section 7.4.1). */
const FINAL_STANDARD_CODES: ReadonlySet<number> = new Set([1000, 1002, 1003, 1007, 1009, 1010]);

/** What a client does after this close code, known or not: judged by range; standard codes by their RFC 6455 meaning. */
export function actionForClose(code: number): CloseAction {
  if (code >= 4500 && code <= 4999) return "stop";
  if (code >= 4400 && code <= 4499) return "renew";
  return FINAL_STANDARD_CODES.has(code) ? "stop" : "reconnect";
}

/** A close that the edge chose and named: that it comes while a frame is under way says nothing of the frame. */
export function isFarewell(code: number): boolean {
  return code >= 4000;
}
