// What goes to the server's own topics, and what is held back while a socket that lost a frame still listens to them: the
// layer takes later frames for it as soon as it has written some, and a client that got them would resume behind the hole.
// Called by the listener. It must not touch a socket before the loop has come round.
// States: flowing; holding (from a dropped frame until the next turn of the loop, in which its socket is taken out).

import type { FrameBytes } from "@rookery/broker";
import type { Session } from "./session.ts";

/** To every local subscriber of a native topic but `except`. */
export type Publish = (topic: string, frame: FrameBytes, except?: Session) => void;

export interface Outlet {
  publish: Publish;
  /** A frame for this session was dropped: it is sent away before anything else is published. */
  dropped(session: Session): void;
}

export function createOutlet(toTopic: Publish): Outlet {
  let slow: Session[] | undefined;
  let held: Parameters<Publish>[] = [];

  const publish: Publish = (topic, frame, except) => {
    if (slow === undefined) toTopic(topic, frame, except);
    else held.push([topic, frame, except]);
  };

  function letGo(): void {
    const [gone, waiting] = [slow ?? [], held];
    [slow, held] = [undefined, []];
    for (const session of gone) session.farewell("slow", performance.now());
    // One of these may be the next to be dropped: then the rest is held again.
    for (const each of waiting) publish(...each);
  }

  return {
    publish,
    dropped(session) {
      if (slow === undefined) setImmediate(letGo);
      (slow ??= []).push(session);
    },
  };
}
