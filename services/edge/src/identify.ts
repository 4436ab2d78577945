// Who a session is: looks at a token and gives the session its user. Called at the door, for a token that came with the
// upgrade, and by `auth`. It reads no frame and refuses none: whoever calls says what a bad token means there.

import { refreshAtMs } from "@rookery/auth";
import type { Verified, Verifier } from "@rookery/auth";
import type { RefusalNotes } from "@rookery/node";
import { encodeWelcome } from "@rookery/protocol";
import type { CloseReason } from "@rookery/protocol";
import type { GlobalRefusal } from "@rookery/rights";
import type { EdgeContext } from "./context.ts";
import { bearerOf } from "./control/dismissal.ts";
import { COMMON } from "./control/gate.ts";
import type { Identity, Session } from "./session.ts";

/** The parts of an edge that make a session somebody's. */
export interface IdentifyContext extends Pick<
  EdgeContext,
  "node" | "limits" | "heartbeatMs" | "connectionsPerUser" | "metrics" | "hub" | "unidentified" | "partitions" | "watch"
> {
  readonly signals: { readonly attendance: Pick<EdgeContext["signals"]["attendance"], "opened" | "ended"> };
  readonly verifier: Pick<Verifier, "verify">;
  readonly notes: RefusalNotes;
  readonly control: {
    readonly gate: Pick<EdgeContext["control"]["gate"], "whenOpen">;
    readonly table: EdgeContext["control"]["table"];
    redisNowMs(this: void): number;
  };
}

/** At once where that needs no waiting; undefined when the session has meanwhile ended, so that nothing of it matters. */
export type Looked = Verified | undefined | Promise<Verified | undefined>;

/** What a token says. */
export function lookAt(edge: IdentifyContext, session: Session, token: string): Looked {
  const verified = edge.verifier.verify(token);
  return verified instanceof Promise
    ? verified.then((each) => counted(edge, session, each))
    : counted(edge, session, verified);
}

/** Of any credential that was looked at. */
export function counted(edge: IdentifyContext, session: Session, verified: Verified): Verified | undefined {
  edge.metrics.tokenChecks[verified.kind === "identity" ? "ok" : verified.code].n += 1;
  if (verified.kind === "refusal" && verified.code !== "unavailable")
    edge.notes.refused(session.address, verified.code);
  return session.isLive ? verified : undefined;
}

/** How a session ends whose first token was not taken: it fetches another one, unless the fault is not the token's. */
export function farewellFor({ code }: Verified & { kind: "refusal" }): CloseReason {
  return code === "unavailable" ? "overloaded" : "token";
}

export type Proven = Verified & { kind: "identity" };

/** What a session keeps of its token. */
export function identityOf({ user, name, expiresAtMs, jti, issuedAtMs }: Proven): Identity {
  const refreshAt = refreshAtMs(Date.now(), expiresAtMs);
  return { user, name, expiresAtMs, refreshAtMs: refreshAt, issuedAtMs, ...(jti === undefined ? {} : { jti }) };
}

/**
 * Welcomes a session once its user's partition is watched, which the session holds from then on until it ends, and what is in
 * force everywhere is known to be current. Undefined when that was done at once. While Redis is away it is welcome too, and its
 * joins are refused until that has been looked at. Whoever is banned everywhere, or shows a revoked token, is told to go.
 */
export function identify(edge: IdentifyContext, session: Session, verified: Proven): Promise<void> | undefined {
  session.isProven = true;
  const partition = edge.partitions.ofUser(verified.user);
  // Judged in the very turn in which it is welcomed: a ban that was heard of before finds nobody to close.
  const enter = (): void => {
    const refusal = refusalFor(edge, verified);
    if (refusal !== undefined) session.farewell(refusal.kind, performance.now());
    if (session.isLive) welcome(edge, session, verified);
    else edge.watch.release(partition);
  };
  const watched = edge.watch.hold(partition);
  const opening = (): Promise<void> | undefined => edge.control.gate.whenOpen(COMMON)?.catch(() => undefined);
  const wait = watched?.catch(() => undefined).then(opening) ?? opening();
  if (wait !== undefined) return wait.then(enter);
  enter();
  return undefined;
}

/** Why whoever shows this token has to go, and by which farewell; undefined for somebody who may come. */
export function refusalFor({ control }: Pick<IdentifyContext, "control">, proven: Proven): GlobalRefusal | undefined {
  return control.table.refusal(bearerOf(proven), control.redisNowMs());
}

/** Gives a session its user, says welcome and keeps the number of connections of one user within its cap. */
function welcome(edge: IdentifyContext, session: Session, verified: Proven): void {
  edge.unidentified.delete(session);
  const identity = identityOf(verified);
  const { user, name, expiresAtMs, refreshAtMs: refreshAt } = identity;
  session.identify(identity);
  edge.hub.register(session);
  edge.signals.attendance.opened(session);
  session.tell(
    encodeWelcome({
      session: session.id,
      user,
      name,
      node: edge.node(),
      expiresAt: expiresAtMs,
      refreshAt,
      heartbeatMs: edge.heartbeatMs,
      limits: edge.limits,
    }),
  );
  // One that has been told to go may still be reading what stands before its farewell.
  const staying = [...edge.hub.sessionsOf(user)].filter((each) => each.farewellAtMs === undefined);
  if (staying.length > edge.connectionsPerUser) staying[0]?.farewell("replaced", performance.now());
}
