// Tells Redis of everybody who comes and goes here, and of every connection: each change, once, with the node's own truth
// behind it. Called by membership and door. It sends nothing to a client: what Redis announces comes back by the topics.
// States: telling; held (the node drains: who goes now is taken for somebody who resumes elsewhere, and never leaves from here).

import type { Crowd, LocalTruth, Presence } from "@rookery/broker";
import type { Leaving } from "../membership.ts";
import type { Session } from "../session.ts";
import type { Graces } from "./graces.ts";

export interface Attendance {
  /** Resolves with the crowd that the session has joined; rejects with ChatError `unavailable`, and is told all the same. */
  entered(this: void, session: Session, channel: string): Promise<Crowd>;
  /** Whoever leaves may come back within the grace; whoever is removed has none. */
  exited(this: void, session: Session, channel: string, how: Leaving): void;
  /** Whoever is away for a moment is gone for good. */
  gone(this: void, channel: string, user: string): void;
  /** The session has its user from here on. */
  opened(this: void, session: Session): void;
  ended(this: void, session: Session): void;
  hold(this: void): void;
}

export interface AttendanceOptions {
  readonly presence: Pick<Presence, "changed" | "sessionChanged" | "hold">;
  readonly truth: Pick<LocalTruth, "attendance">;
  readonly graces: Pick<Graces, "begin" | "end" | "hold" | "nameOf">;
  readonly graceMs: number;
  /** Redis has answered who is there. */
  heard(this: void, channel: string, crowd: Crowd): void;
}

export function createAttendance({ presence, truth, graces, graceMs, heard }: AttendanceOptions): Attendance {
  let isHeld = false;
  return {
    entered(session, channel) {
      graces.end(channel, session.user);
      const told = presence.changed(channel, session.user, session.id);
      // Whoever joins hears of a failure; the change itself is told again until Redis has it.
      told.then(
        (crowd) => heard(channel, crowd),
        () => undefined,
      );
      return told;
    },
    exited(session, channel, how) {
      const { user, name } = session;
      const isLast = truth.attendance(channel, user) === undefined;
      if (how === "left" && isLast && (isHeld || graceMs > 0)) graces.begin(channel, user, name);
      else if (!isHeld) tellGone(presence, channel, user);
    },
    gone(channel, user) {
      if (graces.nameOf(channel, user) === undefined || isHeld) return;
      graces.end(channel, user);
      tellGone(presence, channel, user);
    },
    opened: (session) => presence.sessionChanged(session.user, session.id),
    ended: (session) => presence.sessionChanged(session.user, session.id),
    hold() {
      isHeld = true;
      graces.hold();
      presence.hold();
    },
  };
}

/** Nobody waits for it: what cannot be told now is told later. */
export function tellGone(presence: Pick<Presence, "changed">, channel: string, user: string): void {
  presence.changed(channel, user).catch(() => undefined);
}
