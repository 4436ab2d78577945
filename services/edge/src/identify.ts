// Who a session is: looks at a token and gives the session its user. Called at the door, for a token that came with the
// upgrade, and by `auth`. It reads no frame and refuses none: whoever calls says what a bad token means there.

import { refreshAtMs } from "@rookery/auth";
import type { Verified, Verifier } from "@rookery/auth";
import { encodeWelcome } from "@rookery/protocol";
import type { CloseReason } from "@rookery/protocol";
import type { EdgeContext } from "./context.ts";
import type { Session } from "./session.ts";

/** The parts of an edge that make a session somebody's. */
export interface IdentifyContext extends Pick<
  EdgeContext,
  "node" | "limits" | "heartbeatMs" | "connectionsPerUser" | "metrics" | "hub" | "unidentified" | "partitions" | "watch"
> {
  readonly verifier: Pick<Verifier, "verify">;
}

/** What a token says, at once where that needs no waiting; undefined when the session has meanwhile ended, so that nothing of it matters. */
export function lookAt(
  edge: IdentifyContext,
  session: Session,
  token: string,
): Verified | undefined | Promise<Verified | undefined> {
  const verified = edge.verifier.verify(token);
  return verified instanceof Promise
    ? verified.then((each) => counted(edge, session, each))
    : counted(edge, session, verified);
}

function counted(edge: IdentifyContext, session: Session, verified: Verified): Verified | undefined {
  edge.metrics.tokenChecks[verified.kind === "identity" ? "ok" : verified.code].n += 1;
  return session.isLive ? verified : undefined;
}

/** How a session ends whose first token was not taken: it fetches another one, unless the fault is not the token's. */
export function farewellFor({ code }: Verified & { kind: "refusal" }): CloseReason {
  return code === "unavailable" ? "overloaded" : "token";
}

type Proven = Verified & { kind: "identity" };

/**
 * Welcomes a session once its user's partition is watched, which the session holds from then on until it ends. Undefined when
 * that was done at once. While Redis is away it is welcome too, and its joins are refused until that has been looked at.
 */
export function identify(edge: IdentifyContext, session: Session, verified: Proven): Promise<void> | undefined {
  session.isProven = true;
  const partition = edge.partitions.ofUser(verified.user);
  const watched = edge.watch.hold(partition);
  if (watched === undefined) {
    welcome(edge, session, verified);
    return undefined;
  }
  const enter = (): void => {
    if (session.isLive) welcome(edge, session, verified);
    else edge.watch.release(partition);
  };
  return watched.then(enter, enter);
}

/** Gives a session its user, says welcome and keeps the number of connections of one user within its cap. */
function welcome(edge: IdentifyContext, session: Session, verified: Proven): void {
  edge.unidentified.delete(session);
  const { user, name, expiresAtMs } = verified;
  const refreshAt = refreshAtMs(Date.now(), expiresAtMs);
  session.identify({ user, name, expiresAtMs, refreshAtMs: refreshAt });
  edge.hub.register(session);
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
