// Who sits in a channel, and all that sitting there holds. Joins enter, `leave` and failed joins exit, the end of a session
// exits from everything: each through here, so that what was taken is given back in one way. It answers nobody.
// States: a session is in a channel or not; what the leavers undo is held exactly while it is.

import type { Crowd } from "@rookery/broker";
import type { Hub } from "./hub.ts";
import { sequencedTopic, signalTopic } from "./native-topics.ts";
import type { Relays } from "./relay.ts";
import type { Session } from "./session.ts";

/** `removed`: by somebody else's will, after which nobody waits for them to come back. */
export type Leaving = "left" | "removed";

/** Undoes one thing that a membership holds. Called once for each, when hub and session no longer know of it. */
export type Leaver = (session: Session, channel: string, how: Leaving) => void;

/** A membership that has begun. */
export interface Entered {
  /** What the session has joined, once Redis has been told; rejects with ChatError `unavailable`. */
  readonly crowd: Promise<Crowd>;
}

export interface Membership {
  /**
   * Hub and native topics, for a channel whose relay the caller holds: the hold passes to the membership, or is given back
   * where there is none, since the socket closed meanwhile or the session was in the channel already: then nothing comes
   * back.
   */
  enter(session: Session, channel: string): Entered | undefined;
  /** Undoes `enter`. A session that was not in the channel loses nothing. */
  exit(session: Session, channel: string): void;
  /** The same by somebody else's will. */
  remove(session: Session, channel: string): void;
  /** The session ends: out of every channel and out of the hub. */
  exitAll(session: Session, how?: Leaving): void;
}

export interface MembershipOptions {
  readonly hub: Pick<Hub<Session>, "join" | "leave" | "unregister">;
  readonly relays: Pick<Relays, "release">;
  /** Tells the cluster of each that begins. */
  entered(this: void, session: Session, channel: string): Promise<Crowd>;
  /** Of what others keep for a membership: whoever adds something to it adds its leaver. */
  readonly leavers: readonly Leaver[];
}

export function createMembership({ hub, relays, entered, leavers }: MembershipOptions): Membership {
  const undoing: readonly Leaver[] = [
    (session, channel) => session.wire?.unsubscribe(sequencedTopic(channel)),
    (session, channel) => session.wire?.unsubscribe(signalTopic(channel)),
    ...leavers,
    (_session, channel) => relays.release(channel),
  ];
  const undo = (session: Session, channel: string, how: Leaving): void => {
    for (const leave of undoing) leave(session, channel, how);
  };
  const exit = (session: Session, channel: string, how: Leaving): void => {
    if (hub.leave(session, channel)) undo(session, channel, how);
  };

  return {
    enter(session, channel) {
      if (!hub.join(session, channel)) {
        relays.release(channel);
        return undefined;
      }
      session.wire?.subscribe(sequencedTopic(channel));
      session.wire?.subscribe(signalTopic(channel));
      return { crowd: entered(session, channel) };
    },
    exit: (session, channel) => exit(session, channel, "left"),
    remove: (session, channel) => exit(session, channel, "removed"),
    exitAll(session, how = "left") {
      for (const channel of hub.unregister(session)) undo(session, channel, how);
    },
  };
}
