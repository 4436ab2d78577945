// `members`: who is present in a channel, a page at a time, with their roles. Presence is asked of Redis, roles of Postgres in one
// statement: without either there is no page.

import { ChatError, DEFAULT_PAGE_MEMBERS, MAX_PAGE_MEMBERS } from "@rookery/protocol";
import type { ClientFrameOf, Role } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import { lastJudgementOf } from "../control/last-judgement.ts";
import { priceOfMembers } from "../price.ts";
import type { Session } from "../session.ts";
import { readCursor, writeCursor } from "./members-cursor.ts";

/** Whoever has no role of their own. */
const OTHERS: Role = "member";

export async function members(edge: EdgeContext, session: Session, frame: ClientFrameOf<"members">): Promise<void> {
  const { channel, cursor, ref } = frame;
  const limit = Math.min(frame.limit ?? DEFAULT_PAGE_MEMBERS, MAX_PAGE_MEMBERS);
  const after = cursor === undefined ? undefined : readCursor(channel, cursor);
  if (cursor !== undefined && after === undefined) {
    throw new ChatError("invalid", '"cursor": this is none of this channel', { channel });
  }
  const page = await edge.people.page(channel, after, limit);
  session.charge(priceOfMembers(page.members.length));
  const users = page.members.map(({ user }) => user);
  const roles = users.length === 0 ? new Map<string, Role>() : await edge.roles(channel, users);
  const judge = lastJudgementOf(edge, session, channel, "presence");
  for (let wait = judge(); wait !== undefined; wait = judge()) await wait;
  session.answer(ref, {
    channel,
    online: page.crowd.online,
    members: page.members.map(({ user, name }) => ({ user, name, role: roles.get(user) ?? OTHERS })),
    ...(page.cursor === undefined ? {} : { cursor: writeCursor(channel, page.cursor) }),
  });
}
