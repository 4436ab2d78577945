// `leave`: takes the session out of a channel. Frames that were already on their way to the socket may still arrive.

import type { ClientFrameOf } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

export function leave(edge: EdgeContext, session: Session, frame: ClientFrameOf<"leave">): undefined {
  edge.membership.exit(session, frame.channel);
  session.answer(frame.ref, { channel: frame.channel });
}
