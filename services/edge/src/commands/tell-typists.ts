// What a session that has joined is told behind its `ok`: who types there now, so that it shows them and nobody else.

import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

export function tellTypists({ signals }: EdgeContext, session: Session, channels: Iterable<string>): void {
  for (const channel of channels) {
    for (const frame of signals.typists.framesFor(channel, session.user)) session.tell(frame);
  }
}
