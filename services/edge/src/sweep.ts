// Once a second over all sockets, never per message: pings and their answers, idleness, authentication that does not come, tokens
// that ran out. The only place that judges a session by the clock: silence and age by elapsed time, which no step of the wall clock
// can change, and a token's end by the wall clock, by which it was written.

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

/**
 * The age of an unanswered ping at which its reader is taken for slow, however little waits for it here: the kernel takes megabytes
 * of a socket before anybody notices.
 */
export const ANSWER_WITHIN_MS = 15_000;

/** `nowMs` on the monotonic clock that sessions are told, `wallMs` since the Unix epoch. */
export interface SweepNow {
  readonly nowMs: number;
  readonly wallMs: number;
}

/** What the clocks say of a session; undefined when it may stay. Pure. */
export function verdict(session: Session, { nowMs, wallMs }: SweepNow, times: SweepTimes): CloseReason | undefined {
  if (session.identity === undefined) {
    if (session.isProven) return undefined;
    return nowMs - session.openedAtMs >= times.authTimeoutMs ? "auth_timeout" : undefined;
  }
  if (wallMs >= session.identity.expiresAtMs + times.tokenGraceMs) return "token";
  if (times.lifetimeMs > 0 && nowMs - session.openedAtMs >= times.lifetimeMs) return "lifetime";
  return nowMs - session.lastSeenMs >= times.idleMs ? "idle" : undefined;
}

/** The earliest moment at which the clocks have something to say of a session that may stay now. Pure. */
export function dueAtMs(session: Session, { nowMs, wallMs }: SweepNow, times: SweepTimes): number {
  const { identity, isProven, openedAtMs, lastSeenMs, pingedAtMs, unansweredAtMs } = session;
  const answerMs = unansweredAtMs > 0 ? unansweredAtMs + ANSWER_WITHIN_MS : Number.POSITIVE_INFINITY;
  const pingMs = Math.min(pingedAtMs + times.heartbeatMs, answerMs);
  if (identity === undefined) return isProven ? pingMs : Math.min(pingMs, openedAtMs + times.authTimeoutMs);
  const tokenMs = identity.expiresAtMs + times.tokenGraceMs - wallMs + nowMs;
  const lifetimeMs = times.lifetimeMs > 0 ? openedAtMs + times.lifetimeMs : Number.POSITIVE_INFINITY;
  return Math.min(pingMs, tokenMs, lifetimeMs, lastSeenMs + times.idleMs);
}

/**
 * One look at every socket, to be called every `everyMs`. A call that comes later than the next one should have shows that
 * the edge itself stood still: its own lag is not the client's silence. Everybody then gets that time back and a ping if one
 * is due, and nobody is judged before what lay in the sockets meanwhile has been read, by the next look.
 *
 * Of a socket of which the clocks can say nothing yet only one number is looked at. That is the number of a look, counted
 * from the clock's beginning, and rounded down: so a socket is judged by the first look after its time is over.
 */
export function createSweep(
  edge: Pick<EdgeContext, "hub" | "unidentified">,
  times: SweepTimes,
  unanswered: (session: Session) => void,
) {
  let lookedAtMs: number | undefined;
  /** Wall clock less monotonic clock, as it was when everybody was looked at: when a token ends was reckoned by that. */
  let offsetMs = Number.NaN;

  const look = (session: Session, now: SweepNow, lagMs: number): void => {
    if (lagMs > 0) session.excuse(lagMs, now.nowMs);
    const reason = lagMs > 0 ? undefined : verdict(session, now, times);
    if (reason !== undefined) {
      session.farewell(reason, now.nowMs);
      return;
    }
    const { unansweredAtMs } = session;
    if (lagMs === 0 && unansweredAtMs > 0 && now.nowMs - unansweredAtMs >= ANSWER_WITHIN_MS) unanswered(session);
    if (now.nowMs - session.pingedAtMs >= times.heartbeatMs) session.ping(now.nowMs);
    session.sweptAgainAt = Math.floor(dueAtMs(session, now, times) / times.everyMs);
  };

  return (now: SweepNow): void => {
    const lateMs = lookedAtMs === undefined ? 0 : now.nowMs - lookedAtMs - times.everyMs;
    const lagMs = lateMs > times.everyMs ? lateMs : 0;
    lookedAtMs = now.nowMs;
    const isEverybodyDue = lagMs > 0 || !(Math.abs(now.wallMs - now.nowMs - offsetMs) < times.everyMs / 2);
    if (isEverybodyDue) offsetMs = now.wallMs - now.nowMs;
    const at = isEverybodyDue ? Number.POSITIVE_INFINITY : Math.floor(now.nowMs / times.everyMs);
    const visit = (session: Session): void => {
      if (session.sweptAgainAt <= at) look(session, now, lagMs);
    };
    // A farewell takes a session out of the very set that is walked, which such a walk allows. It makes no object a session.
    edge.unidentified.forEach(visit);
    edge.hub.sessions.forEach(visit);
  };
}

export function startSweep(
  edge: EdgeContext,
  times: SweepTimes,
  unanswered: (session: Session) => void,
): { stop(): void } {
  const sweep = createSweep(edge, times, unanswered);
  const timer = setInterval(() => sweep({ nowMs: performance.now(), wallMs: Date.now() }), times.everyMs);
  return { stop: () => clearInterval(timer) };
}
