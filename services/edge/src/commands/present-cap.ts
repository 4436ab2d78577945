// How many users may be present in a public channel at once, where its owner has set a cap. Judged twice: before a session enters,
// so that a full channel hears nothing of those whom it turns away, and by what Redis counted with the session in it, since
// of several who come to the last free seat each has seen it free. Whoever is present already is counted already.

import { ChatError } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

type Asked = Pick<EdgeContext, "people" | "hub">;

/** The cap to hold the joined crowd against, undefined where none is; rejects with ChatError `too_many` or `unavailable`. */
export function findRoom(
  edge: Asked,
  { user }: Pick<Session, "user">,
  channel: string,
  { presentCap }: Grant,
): Promise<number | undefined> | undefined {
  if (presentCap === undefined) return undefined;
  for (const each of edge.hub.sessionsOf(user)) if (each.channels.has(channel)) return undefined;
  return askForRoom(edge, user, channel, presentCap);
}

async function askForRoom(
  { people }: Asked,
  user: string,
  channel: string,
  presentCap: number,
): Promise<number | undefined> {
  if (await people.isPresent(channel, user)) return undefined;
  const { online } = await people.crowd(channel);
  if (online >= presentCap) throw noRoom(channel, presentCap);
  return presentCap;
}

export function noRoom(channel: string, presentCap: number): ChatError {
  return new ChatError("too_many", `at most ${presentCap} users may be in this channel at once`, { channel });
}

/** Out of a channel whose join has failed. Nobody keeps a seat free for one who had none. */
export function turnAway(
  { membership }: Pick<EdgeContext, "membership">,
  session: Session,
  channel: string,
  reason: unknown,
): void {
  if (reason instanceof ChatError && reason.code === "too_many") membership.remove(session, channel);
  else membership.exit(session, channel);
}
