// What a join tells one session of itself in a channel: what it may do, who is there, and what it has not read. Asked for
// beside the page, which is the same for everybody.

import type { Crowd } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import type { Entered } from "../membership.ts";
import type { Session } from "../session.ts";
import { noRoom } from "./present-cap.ts";

/** Members of a join's `ok`. */
export type Standing = Record<string, unknown> & Crowd;

/** `entered`: the membership that this very join began; absent where the session was in the channel before. */
export interface Entry {
  readonly grant: Grant;
  readonly entered?: Entered | undefined;
  /** What the crowd with this session in it must not be beyond. */
  readonly presentCap?: number | undefined;
}

/** Rejects with ChatError `unavailable`, or `too_many` beyond the cap. */
export async function standingIn(
  edge: EdgeContext,
  session: Session,
  channel: string,
  { grant, entered, presentCap }: Entry,
): Promise<Standing> {
  const [{ mode, online }, read] = await Promise.all([
    entered?.crowd ?? edge.people.crowd(channel),
    edge.unread.standing(channel, session.user),
  ]);
  if (presentCap !== undefined && online > presentCap) throw noRoom(channel, presentCap);
  return {
    role: grant.role,
    can: grant.can,
    mode,
    online,
    ...read,
  };
}

/** What the session may do now, which may be another thing than when its join was judged; nothing where memory cannot tell. */
export function rightsNow(
  { rights, control }: Pick<EdgeContext, "rights" | "control">,
  { user }: Pick<Session, "user">,
  channel: string,
): Partial<Pick<Grant, "role" | "can">> {
  const now = rights.remembered(channel, user);
  if (now === undefined || now instanceof ChatError) return {};
  // Whoever joins muted hears of its end like those who were there.
  if (typeof now.mutedUntilMs === "number") control.timedEnds.expect(channel, user, now.mutedUntilMs);
  return { role: now.role, can: now.can };
}
