// `leave`: takes the session out of a channel. Frames that were already on their way to the socket may still arrive.

import type { ClientFrameOf } from "@rookery/protocol";
import { sequencedTopic, signalTopic } from "../context.ts";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

export function leave(edge: EdgeContext, session: Session, frame: ClientFrameOf<"leave">): void {
  exitChannel(edge, session, frame.channel);
  session.answer(frame.ref, { channel: frame.channel });
}

/** Undoes a join: native topics, hub and the relay's hold go together. A session that was not in it loses nothing. */
export function exitChannel(edge: EdgeContext, session: Session, channel: string): void {
  if (!edge.hub.leave(session, channel)) return;
  session.wire?.unsubscribe(sequencedTopic(channel));
  session.wire?.unsubscribe(signalTopic(channel));
  if (session.persisted !== "all") session.persisted?.delete(channel);
  edge.relays.release(channel);
}
