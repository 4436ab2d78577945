// Who sits in a channel, and all that sitting there holds. Joins enter, `leave` and failed joins exit, the end of a session
// exits from everything: each through here, so that what was taken is given back in one way. It answers nobody.
// States: a session is in a channel or not; what the leavers undo is held exactly while it is.

import { sequencedTopic, signalTopic } from "./fan-out.ts";
import type { Hub } from "./hub.ts";
import type { Relays } from "./relay.ts";
import type { Session } from "./session.ts";

/** Undoes one thing that a membership holds. Called once for each, when hub and session no longer know of it. */
export type Leaver = (session: Session, channel: string) => void;

export interface Membership {
  /**
   * Hub and native topics, for a channel whose relay the caller holds: the hold passes to the membership, or is given back
   * where there is none, since the socket closed meanwhile or the session was in the channel already.
   */
  enter(session: Session, channel: string): void;
  /** Undoes `enter`. A session that was not in the channel loses nothing. */
  exit(session: Session, channel: string): void;
  /** The session ends: out of every channel and out of the hub. */
  exitAll(session: Session): void;
}

export interface MembershipOptions {
  readonly hub: Pick<Hub<Session>, "join" | "leave" | "unregister">;
  readonly relays: Pick<Relays, "release">;
  /** Of what others keep for a membership: whoever adds something to it adds its leaver. */
  readonly leavers: readonly Leaver[];
}

export function createMembership({ hub, relays, leavers }: MembershipOptions): Membership {
  const undoing: readonly Leaver[] = [
    (session, channel) => session.wire?.unsubscribe(sequencedTopic(channel)),
    (session, channel) => session.wire?.unsubscribe(signalTopic(channel)),
    ...leavers,
    (_session, channel) => relays.release(channel),
  ];
  const undo = (session: Session, channel: string): void => {
    for (const leave of undoing) leave(session, channel);
  };

  return {
    enter(session, channel) {
      if (!hub.join(session, channel)) {
        relays.release(channel);
        return;
      }
      session.wire?.subscribe(sequencedTopic(channel));
      session.wire?.subscribe(signalTopic(channel));
    },
    exit(session, channel) {
      if (hub.leave(session, channel)) undo(session, channel);
    },
    exitAll(session) {
      for (const channel of hub.unregister(session)) undo(session, channel);
    },
  };
}
