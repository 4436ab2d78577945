// `ping`: an application-level sign of life, for clients that cannot send a WebSocket ping.

import { encodePong } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

export function ping(_edge: EdgeContext, session: Session, frame: ClientFrameOf<"ping">): undefined {
  session.tell(encodePong(Date.now(), frame.ref));
}
