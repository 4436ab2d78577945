// Takes sessions out of a channel, or tells them what they may do in it from now on, as its rights say. Used by the enforcement,
// which knows what has changed. It reads nothing: whoever is unknown to memory is left to whoever reads.

import { ChatError, encodeRemoved, encodeRights } from "@rookery/protocol";
import type { Removal } from "@rookery/protocol";
import type { Grant, Rights } from "@rookery/rights";
import type { Hub } from "../hub.ts";
import type { Membership } from "../membership.ts";
import type { Session } from "../session.ts";
import { inSlices } from "./in-slices.ts";
import type { TimedEnds } from "./timed-ends.ts";

/** Why somebody is taken out, as they are told. */
export type Reason = Pick<Removal, "code" | "untilMs" | "reason">;

export interface Removing {
  /** Whether the user has a session here in the channel. */
  isIn(channel: string, user: string): boolean;
  /** Those that one user has in the channel. Answers how many there were. */
  user(channel: string, user: string, reason: Reason): number;
  /** Everybody but those whose role is kept. */
  everybodyBut(channel: string, keeps: Removal["keeps"], reason: Reason): number | Promise<number>;
  /** What memory says of one user in the channel: they are told what they may, or taken out. Answers how many were. */
  judge(channel: string, user: string): number;
  /** Whoever has a session here hears what they may do, also where they are not in the channel: a ban has ended. */
  tell(channel: string, user: string, grant: Grant): void;
  /** As they were judged. */
  settle(channel: string, user: string, judged: Grant | ChatError, isTold: boolean): number;
}

export interface RemovingOptions {
  readonly hub: Pick<Hub<Session>, "membersOf" | "sessionsOf">;
  readonly rights: Pick<Rights, "remembered">;
  readonly membership: Pick<Membership, "remove">;
  readonly timedEnds: Pick<TimedEnds, "expect">;
  /** The user counts as present no longer, should they be away for a moment. */
  gone(this: void, channel: string, user: string): void;
}

/** Each costs some tens of microseconds: two frames, two topics and what Redis is to be told. */
const SESSIONS_A_TURN = 200;

export function createRemoving({ hub, rights, membership, timedEnds, gone }: RemovingOptions): Removing {
  const sessionsIn = (channel: string, user: string): Session[] =>
    [...hub.sessionsOf(user)].filter(({ channels }) => channels.has(channel));

  function remove(session: Session, channel: string, frame: string): void {
    session.tell(frame);
    membership.remove(session, channel);
  }

  function removeUser(channel: string, user: string, reason: Reason): number {
    const sessions = sessionsIn(channel, user);
    const frame = encodeRemoved(removed(channel, reason));
    for (const session of sessions) remove(session, channel, frame);
    gone(channel, user);
    if (reason.untilMs !== null && hub.sessionsOf(user).size > 0) timedEnds.expect(channel, user, reason.untilMs);
    return sessions.length;
  }

  function settle(channel: string, user: string, judged: Grant | ChatError, isTold: boolean): number {
    if (judged instanceof ChatError) return removeUser(channel, user, reasonOf(judged));
    const { mutedUntilMs } = judged;
    if (typeof mutedUntilMs === "number") timedEnds.expect(channel, user, mutedUntilMs);
    if (isTold) for (const session of sessionsIn(channel, user)) session.tell(rightsFrame(channel, judged));
    return 0;
  }

  return {
    isIn: (channel, user) => sessionsIn(channel, user).length > 0,
    user: removeUser,
    everybodyBut(channel, keeps, reason) {
      const frame = encodeRemoved(removed(channel, reason));
      let count = 0;
      const walked = inSlices([...hub.membersOf(channel)], SESSIONS_A_TURN, (session) => {
        if (!session.channels.has(channel)) return;
        const judged = rights.remembered(channel, session.user);
        if (judged !== undefined && !(judged instanceof ChatError) && keeps.includes(judged.role)) return;
        remove(session, channel, frame);
        count += 1;
      });
      return walked === undefined ? count : walked.then(() => count);
    },
    judge(channel, user) {
      const judged = rights.remembered(channel, user);
      return judged === undefined ? 0 : settle(channel, user, judged, true);
    },
    tell(channel, user, grant) {
      for (const session of hub.sessionsOf(user)) session.tell(rightsFrame(channel, grant));
    },
    settle,
  };
}

function rightsFrame(channel: string, { role, can, mutedUntilMs }: Grant): string {
  const until = typeof mutedUntilMs === "number" ? { mutedUntil: mutedUntilMs } : {};
  return encodeRights({ channel, role, can: [...can], ...until });
}

function removed(channel: string, { code, untilMs, reason }: Reason) {
  return {
    channel,
    code,
    ...(untilMs === null ? {} : { until: untilMs }),
    ...(reason === null ? {} : { reason }),
  };
}

/** Of whoever may do nothing here any more. */
function reasonOf({ code, details }: ChatError): Reason {
  const { until } = details;
  if (code === "banned") return { code, untilMs: until ?? null, reason: null };
  return { code: "forbidden", untilMs: null, reason: null };
}
