// The door: who may connect, who a connection is, and what is given back when it ends. The listener knocks with plain
// strings; sessions come out. It never sees a frame after the first authentication.

import type { Verified } from "@rookery/auth";
import type { Tickets } from "@rookery/broker";
import { CLOSES } from "@rookery/protocol";
import type { ClientAddress, OriginAllowed } from "@rookery/runtime";
import { nanoid } from "nanoid";
import { HELD_BY_LEAVING } from "./addresses.ts";
import type { Addresses } from "./addresses.ts";
import type { EdgeContext } from "./context.ts";
import { findCredential } from "./credentials.ts";
import { createClientNames } from "./presence/client-names.ts";
import type { ClientName } from "./presence/client-names.ts";
import { counted, farewellFor, identify, lookAt } from "./identify.ts";
import type { IdentifyContext, Looked } from "./identify.ts";
import type { Overload } from "./overload/overload.ts";
import { Session } from "./session.ts";
import type { SessionRules, Wire } from "./session.ts";
import { takeUp } from "./tickets.ts";
import { TokenBucket } from "./token-bucket.ts";
import { createRefusalLog, UPGRADE_REFUSALS } from "./upgrade-refusals.ts";
import type { UpgradeRefusal } from "./upgrade-refusals.ts";
import { handshakeFault } from "./upgrade-request.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

export type Admission =
  /** A token came with the request; it is looked at once the socket is open. */
  | { readonly kind: "presented"; readonly token: string }
  /** The same of a ticket. */
  | { readonly kind: "ticket"; readonly ticket: string }
  | { readonly kind: "awaited" }
  | { readonly kind: "refused"; readonly reason: UpgradeRefusal; readonly retryAfterMs?: number };

export interface Door {
  /** The client's own address, where a trusted proxy speaks for it. */
  clientAddress: ClientAddress;
  /** Decides without waiting, so that an upgrade is done within the request's own callback. */
  admit(request: UpgradeRequest, address: string): Admission;
  /** What is kept of the name that a client gives itself. */
  clientName: ClientName;
  enter(wire: Wire, address: string, client: string): Session;
  /**
   * Acts on the admission; what comes back, where a token needs to be waited for, is what later frames have to wait for. May
   * close the socket before it returns: whoever calls must know the session by then.
   */
  greet(session: Session, admission: Admission): Promise<void> | undefined;
  exit(session: Session, code: number): void;
  /** From here on every upgrade is refused: the node drains. */
  shut(): void;
}

/** The parts of an edge that a connection touches as it comes and goes. */
export interface DoorContext extends IdentifyContext {
  readonly log: Pick<EdgeContext["log"], "warn" | "error">;
  readonly membership: Pick<EdgeContext["membership"], "exitAll">;
  readonly persisted: Pick<EdgeContext["persisted"], "forget">;
}

export interface DoorOptions {
  readonly edge: DoorContext;
  readonly rules: SessionRules;
  readonly originAllowed: OriginAllowed;
  readonly maxConnections: number;
  readonly connectsPerSec: number;
  readonly overload: Pick<Overload, "shedMs">;
  readonly tickets: Pick<Tickets, "take">;
  readonly addresses: Addresses;
  readonly clientAddress: ClientAddress;
}

/** Ends that are not the doing of somebody who never said who it was. */
const NOT_ITS_FAULT: ReadonlySet<number> = new Set([CLOSES.draining.code, CLOSES.overloaded.code]);
/** The connection is gone with its close: there was no farewell to be answered. */
const CUT = 1006;
/** The layer gives up a peer that does not answer the end of a connection: seen after 12 to 28 s. */
const HELD_AT_MOST_MS = 30_000;
const FULL_RETRY_MS = 5000;
/** The longest pause of a client that comes back by itself. */
const MOST_TURN_MS = 20_000;
const DRAINING_RETRY_MS = 1000;
const STARTING_RETRY_MS = 1000;

export function createDoor(options: DoorOptions): Door {
  const { edge, rules, originAllowed, maxConnections, connectsPerSec, tickets, addresses, clientAddress } = options;
  const { unidentified } = edge;
  const { shedMs } = options.overload;
  const accepts = new TokenBucket(connectsPerSec, performance.now());
  const logRefusal = createRefusalLog(edge.log);
  let open = true;
  /** By when all who found no room in the budget may have come again, one after the other. */
  let lastTurnAtMs = 0;
  /** Sockets that were ended and may still be held by their peers. */
  let leaving = 0;

  /** What is wrong with a request costs it alone and nothing else; what others have to share is asked for last. */
  function decide(request: UpgradeRequest, address: string, nowMs: number): Admission {
    if (!open) return refusal("draining", DRAINING_RETRY_MS);
    const shedForMs = shedMs("connection");
    if (shedForMs > 0) return refusal("overloaded", shedForMs);
    // Nobody is let in by an edge that does not know yet who is banned everywhere.
    if (edge.control.table.version() < 0) return refusal("not_ready", STARTING_RETRY_MS);
    const forgivenMs = addresses.waitMs(address, nowMs);
    if (forgivenMs > 0) return refusal("address_refused", forgivenMs);
    const fault = handshakeFault(request);
    if (fault !== undefined) return refusal(fault);
    const credential = findCredential(request, originAllowed);
    if (credential.kind === "refused") return credential;
    if (!addresses.mayOpen(address)) return refusal("address_full", FULL_RETRY_MS);
    const held = edge.hub.counts().sessions + unidentified.size;
    if (held >= maxConnections || held + leaving >= HELD_BY_LEAVING * maxConnections)
      return refusal("node_full", FULL_RETRY_MS);
    const waitMs = accepts.take(connectsPerSec, connectsPerSec, nowMs);
    if (waitMs > 0) return refusal("too_many_at_once", turnMs(nowMs));
    if (credential.kind === "token") return { kind: "presented", token: credential.token };
    return credential;
  }

  /**
   * Each is told a time of its own: all at the next second they would be refused again, a second after a second. Nothing is
   * kept free for them, since a stranger need not come back.
   */
  function turnMs(nowMs: number): number {
    // As a length and not as a difference of times, which may be a trifle more than a second and be told as two.
    const waitMs = Math.min(MOST_TURN_MS, Math.max(0, lastTurnAtMs - nowMs) + 1000 / connectsPerSec);
    lastTurnAtMs = nowMs + waitMs;
    return waitMs;
  }

  /** The layer keeps a socket that it has ended until its peer ends it too, or for some 20 s: such ones are counted apart. */
  function lingers(address: string): void {
    leaving += 1;
    const gone = (): void => {
      leaving -= 1;
      addresses.gone(address);
    };
    setTimeout(gone, HELD_AT_MOST_MS).unref();
  }

  function examine(session: Session, look: () => Looked): Promise<void> | undefined {
    const settle = (verified: Verified | undefined): Promise<void> | undefined => {
      if (verified?.kind === "identity") return identify(edge, session, verified);
      if (verified !== undefined) session.farewell(farewellFor(verified), performance.now());
      return undefined;
    };
    const lost = (err: unknown): void => {
      edge.log.error({ err, session: session.id }, "a token could not be looked at");
      // A fault of ours is no reason for the client to think its token is bad: it comes back with the same one.
      session.farewell("resync", performance.now());
    };
    try {
      const looked = look();
      if (looked instanceof Promise) return looked.then(settle).catch(lost);
      return settle(looked)?.catch(lost);
    } catch (err) {
      lost(err);
    }
    return undefined;
  }

  return {
    clientAddress,
    admit(request, address) {
      const nowMs = performance.now();
      const admission = decide(request, address, nowMs);
      if (admission.kind !== "refused") return admission;
      const { reason } = admission;
      edge.metrics.upgradesRefused[reason].n += 1;
      logRefusal(reason, request.origin, nowMs);
      if (UPGRADE_REFUSALS[reason].pays) addresses.refused(address, nowMs);
      return admission;
    },
    clientName: createClientNames(),
    enter(wire, address, client) {
      addresses.opened(address);
      const session = new Session(nanoid(), wire, rules, performance.now());
      Object.assign(session, { address, client });
      edge.metrics.connects.n += 1;
      unidentified.add(session);
      return session;
    },
    greet(session, admission) {
      if (admission.kind === "presented") return examine(session, () => lookAt(edge, session, admission.token));
      if (admission.kind === "ticket") {
        return examine(session, () => takeUp(tickets, admission.ticket).then((each) => counted(edge, session, each)));
      }
      return undefined;
    },
    exit(session, code) {
      const { address } = session;
      addresses.closed(address);
      if (code === CUT) addresses.gone(address);
      else lingers(address);
      // An accept was spent on nobody.
      if (session.identity !== undefined) edge.watch.release(edge.partitions.ofUser(session.user));
      else if (!session.isProven && !NOT_ITS_FAULT.has(code)) addresses.refused(address, performance.now());
      session.closed();
      unidentified.delete(session);
      edge.metrics.disconnected(code);
      edge.persisted.forget(session);
      edge.membership.exitAll(session, code === CLOSES.banned.code ? "removed" : "left");
      if (session.identity !== undefined) edge.signals.attendance.ended(session);
    },
    shut() {
      open = false;
    },
  };
}

function refusal(reason: UpgradeRefusal, retryAfterMs?: number): Admission {
  return { kind: "refused", reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
