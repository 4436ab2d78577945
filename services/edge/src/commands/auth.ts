// `auth`: the first one gives a session its user, later ones renew the token of the same user without losing anything.

import { ChatError } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import type { GlobalRefusal } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import { farewellFor, identify, identityOf, lookAt, refusalFor } from "../identify.ts";
import type { Session } from "../session.ts";

export async function auth(edge: EdgeContext, session: Session, frame: ClientFrameOf<"auth">): Promise<void> {
  const verified = await lookAt(edge, session, frame.token);
  if (verified === undefined) return;
  const isFirst = session.identity === undefined;
  if (verified.kind === "refusal") {
    session.refuse(new ChatError(verified.code, verified.message), frame.ref, performance.now());
    if (isFirst) session.farewell(farewellFor(verified), performance.now());
    return;
  }
  const refusal = refusalFor(edge, verified);
  if (refusal !== undefined) {
    session.refuse(errorOf(refusal), frame.ref, performance.now());
    if (isFirst) session.farewell(refusal.kind, performance.now());
    return;
  }
  if (!isFirst && verified.user !== session.user) {
    throw new ChatError("forbidden", "auth: the token belongs to another user");
  }
  if (frame.persisted === true) session.wantPersisted();
  const { user, expiresAtMs } = verified;
  if (isFirst) await identify(edge, session, verified);
  else session.identify(identityOf(verified));
  // Told to go before it was welcome.
  if (session.identity === undefined) return;
  const refreshAt = session.identity.refreshAtMs;
  session.answer(frame.ref, { user, expiresAt: expiresAtMs, refreshAt });
}

/** Another token helps whose token was revoked, and nobody who is banned. */
function errorOf(refusal: GlobalRefusal): ChatError {
  if (refusal.kind === "revoked") return new ChatError("unauthenticated", "auth: the token is good no longer");
  const { untilMs } = refusal;
  return new ChatError("banned", "auth: you are banned everywhere", untilMs === null ? {} : { until: untilMs });
}
