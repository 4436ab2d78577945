// Who may see what of a channel over HTTP. Acts are judged where they are written, by the database; here is judged what is
// only read. Keys have shown their scopes before. What is asked is the same for a channel that is hidden and for one that is
// absent, and so is the answer.
import { ChatError } from "@rookery/protocol";
import type { Role } from "@rookery/protocol";
import type { ChannelRow } from "@rookery/store";
import type { Caller } from "./callers.ts";
import type { ApiContext } from "./context.ts";

export interface Seen {
  readonly row: ChannelRow;
  /** Undefined for a key, and for a user who has none. */
  readonly role: Role | undefined;
  /** False for whoever may know that it is there and no more. */
  readonly isWhole: boolean;
}

/** What this caller may see of the channel. Throws ChatError `not_found` with the channel, or `unavailable`. */
export async function look(
  { channels, members }: Pick<ApiContext, "channels" | "members">,
  caller: Caller,
  id: string,
): Promise<Seen> {
  const user = caller.kind === "user" ? caller.user : undefined;
  const roleOf = async (): Promise<Role | undefined> =>
    user === undefined ? undefined : (await members.roles(id, [user])).get(user);
  const [row, role] = await Promise.all([channels.find(id), roleOf()]);
  const isInside = caller.kind === "key" || role !== undefined;
  if (row !== undefined && (isInside || row.kind === "public" || row.kind === "password")) {
    return { row, role, isWhole: isInside || row.kind === "public" };
  }
  throw new ChatError("not_found", "no such channel", { channel: id });
}

/** The same, for what only moderators and backends may read. Throws ChatError `forbidden` too. */
export async function lookAsModerator(
  api: Pick<ApiContext, "channels" | "members">,
  caller: Caller,
  id: string,
): Promise<ChannelRow> {
  return asModerator(await look(api, caller, id), caller);
}

/** Who has a role in it: for the same, and in a direct channel for both of those who are in it. */
export async function lookAtMembers(
  api: Pick<ApiContext, "channels" | "members">,
  caller: Caller,
  id: string,
): Promise<ChannelRow> {
  const seen = await look(api, caller, id);
  return seen.row.kind === "direct" ? seen.row : asModerator(seen, caller);
}

function asModerator({ row, role }: Seen, caller: Caller): ChannelRow {
  if (caller.kind === "key" || role === "moderator" || role === "owner") return row;
  throw new ChatError("forbidden", "this is for the channel's moderators and owners", { channel: row.id });
}
