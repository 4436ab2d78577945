// Once a second over all sockets, never per message: pings, idleness, authentication that does not come, tokens that ran
// out. The only place that judges a session by the clock.

import type { CloseReason } from "@rookery/protocol";
import type { EdgeContext } from "./context.ts";
import type { Session } from "./session.ts";

export interface SweepTimes {
  readonly everyMs: number;
  readonly heartbeatMs: number;
  readonly idleMs: number;
  /** Age at which a socket is closed, so that long-lived ones spread anew; 0 for never. */
  readonly lifetimeMs: number;
  readonly authTimeoutMs: number;
  /** How long a session with an expired token may still renew it. */
  readonly tokenGraceMs: number;
}

/** What the clock says of a session; undefined when it may stay. Pure. */
export function verdict(session: Session, nowMs: number, times: SweepTimes): CloseReason | undefined {
  if (session.identity === undefined) {
    return nowMs - session.openedAtMs >= times.authTimeoutMs ? "auth_timeout" : undefined;
  }
  if (nowMs >= session.identity.expiresAtMs + times.tokenGraceMs) return "token";
  if (times.lifetimeMs > 0 && nowMs - session.openedAtMs >= times.lifetimeMs) return "lifetime";
  return nowMs - session.lastSeenMs >= times.idleMs ? "idle" : undefined;
}

export function startSweep(edge: EdgeContext, times: SweepTimes): { stop(): void } {
  const look = (session: Session, nowMs: number): void => {
    const reason = verdict(session, nowMs, times);
    if (reason !== undefined) session.farewell(reason, nowMs);
    else if (nowMs - session.pingedAtMs >= times.heartbeatMs) {
      session.pingedAtMs = nowMs;
      session.wire?.ping();
    }
  };
  const timer = setInterval(() => {
    const nowMs = Date.now();
    // Copies: a farewell takes the session out of the very set that is walked.
    for (const session of [...edge.unidentified]) look(session, nowMs);
    for (const session of [...edge.hub.sessions()]) look(session, nowMs);
  }, times.everyMs);
  return { stop: () => clearInterval(timer) };
}
