// `auth`: the first one gives a session its user, later ones renew the token of the same user without losing anything.

import { ChatError } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import { refreshAtMs } from "@rookery/auth";
import type { EdgeContext } from "../context.ts";
import { farewellFor, identify, lookAt } from "../identify.ts";
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
  if (!isFirst && verified.user !== session.user) {
    throw new ChatError("forbidden", "auth: the token belongs to another user");
  }
  if (frame.persisted === true) session.wantPersisted();
  const { user, name, expiresAtMs } = verified;
  if (isFirst) await identify(edge, session, verified);
  else session.identify({ user, name, expiresAtMs, refreshAtMs: refreshAtMs(Date.now(), expiresAtMs) });
  const refreshAt = session.identity?.refreshAtMs;
  session.answer(frame.ref, { user, expiresAt: expiresAtMs, refreshAt });
}
