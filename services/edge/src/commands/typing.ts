// `typing`: the user types in a channel, or has stopped. The others hear of it by the channel's topic; in a channel that is only
// counted nobody does. What it is worth ends by itself: nothing of it waits for anything.

import type { ClientFrameOf } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

export function typing({ signals }: EdgeContext, session: Session, frame: ClientFrameOf<"typing">): undefined {
  if (frame.on) signals.typing.type(session, frame.channel);
  else signals.typing.stop(session, frame.channel);
  session.answer(frame.ref, {});
}
