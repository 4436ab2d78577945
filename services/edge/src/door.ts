// The door: who may connect, who a connection is, and what is given back when it ends. The listener knocks with plain
// strings; sessions come out. It never sees a frame after the first authentication.

import type { CloseReason } from "@rookery/protocol";
import { encodeWelcome } from "@rookery/protocol";
import type { Verified, Verifier } from "@rookery/auth";
import { refreshAtMs } from "@rookery/auth";
import { nanoid } from "nanoid";
import type { Addresses, ClientAddress } from "./addresses.ts";
import type { EdgeContext } from "./context.ts";
import { findCredential } from "./credentials.ts";
import type { UpgradeRequest } from "./credentials.ts";
import { Session } from "./session.ts";
import type { SessionRules, Wire } from "./session.ts";
import { TokenBucket } from "./token-bucket.ts";

export type Admission =
  /** A token came with the request; it is looked at once the socket is open. */
  | { readonly kind: "presented"; readonly token: string }
  | { readonly kind: "awaited" }
  /** Accepted only to be told why not, since a browser cannot read a failed upgrade. */
  | { readonly kind: "sent-away"; readonly reason: CloseReason }
  | { readonly kind: "refused"; readonly status: string; readonly reason: string; readonly retryAfterSec?: number };

export interface Door {
  /** The client's own address, where a trusted proxy speaks for it. */
  clientAddress: ClientAddress;
  /** Decides without waiting, so that an upgrade is done within the request's own callback. */
  admit(request: UpgradeRequest, address: string): Admission;
  enter(wire: Wire, address: string): Session;
  /** Acts on the admission. May close the socket before it returns: whoever calls must know the session by then. */
  greet(session: Session, admission: Admission): void;
  exit(session: Session, code: number, address: string): void;
  /** From here on every upgrade is refused: the node drains. */
  shut(): void;
}

export interface DoorOptions {
  readonly edge: EdgeContext;
  readonly rules: SessionRules;
  readonly verifier: Verifier;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly maxConnections: number;
  readonly connectsPerSec: number;
  readonly addresses: Addresses;
  readonly clientAddress: ClientAddress;
}

export function createDoor(options: DoorOptions): Door {
  const { edge, rules, verifier, allowedOrigins, maxConnections, connectsPerSec, addresses, clientAddress } = options;
  const { unidentified } = edge;
  const accepts = new TokenBucket(connectsPerSec, performance.now());
  let open = true;

  const turnedAway = (reason: string, retryAfterMs: number): Admission => ({
    kind: "refused",
    status: "503 Service Unavailable",
    reason,
    retryAfterSec: Math.ceil(retryAfterMs / 1000),
  });

  async function examine(session: Session, token: string): Promise<void> {
    // What the client says meanwhile is judged by the token.
    session.hold();
    try {
      const verified = await verifier.verify(token);
      edge.metrics.tokenChecks[verified.ok ? "ok" : verified.code].n += 1;
      if (session.wire === undefined) return;
      if (verified.ok) identify(edge, session, verified);
      else session.farewell(farewellFor(verified), performance.now());
    } finally {
      session.resume(performance.now());
    }
  }

  return {
    clientAddress,
    admit(request, address) {
      if (!open) return turnedAway("this node is draining", 1000);
      if (edge.hub.counts().sessions + unidentified.size >= maxConnections)
        return turnedAway("this node is full", 5000);
      if (!addresses.mayOpen(address)) return turnedAway("too many connections of one address", 5000);
      const waitMs = accepts.take(connectsPerSec, connectsPerSec, performance.now());
      if (waitMs > 0) return turnedAway("too many connections at once", waitMs);
      const credential = findCredential(request, allowedOrigins);
      if (credential.kind === "token") return { kind: "presented", token: credential.token };
      // Tickets are sold by the api's next routes; until then none is valid.
      return credential.kind === "ticket" ? { kind: "sent-away", reason: "token" } : credential;
    },
    enter(wire, address) {
      addresses.opened(address);
      const session = new Session(nanoid(), wire, rules, performance.now());
      edge.metrics.connects.n += 1;
      unidentified.add(session);
      return session;
    },
    greet(session, admission) {
      if (admission.kind === "presented") void examine(session, admission.token);
      else if (admission.kind === "sent-away") session.farewell(admission.reason, performance.now());
    },
    exit(session, code, address) {
      addresses.closed(address);
      session.closed();
      unidentified.delete(session);
      edge.metrics.disconnected(code);
      edge.persisted.forget(session);
      const channels = [...session.channels];
      edge.hub.unregister(session);
      for (const channel of channels) edge.relays.release(channel);
    },
    shut() {
      open = false;
    },
  };
}

/** How a session ends whose first token was not taken: it fetches another one, unless the fault is not the token's. */
export function farewellFor({ code }: Verified & { ok: false }): CloseReason {
  return code === "unavailable" ? "overloaded" : "token";
}

/** Gives a session its user, says welcome and keeps the number of connections of one user within its cap. */
export function identify(edge: EdgeContext, session: Session, verified: Verified & { ok: true }): void {
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
      node: edge.node,
      expiresAt: expiresAtMs,
      refreshAt,
      heartbeatMs: edge.heartbeatMs,
      limits: edge.limits,
    }),
  );
  const sessions = edge.hub.sessionsOf(user);
  if (sessions.size <= edge.connectionsPerUser) return;
  for (const oldest of sessions) {
    oldest.farewell("replaced", performance.now());
    return;
  }
}
