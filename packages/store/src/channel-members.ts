// Who has a role of their own in a channel. Called by the api, and by the edge for those who are present. Whoever is not here is in a public channel a member like
// everybody else.
import type { Role } from "@rookery/protocol";
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** Times in ms since the Unix epoch. */
export interface ChannelMemberRow {
  readonly user: string;
  /** Null for one who was never seen. */
  readonly name: string | null;
  readonly role: Role;
  readonly since: number;
  readonly lastSeenAt: number | null;
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface ChannelMembers {
  /** At most `limit` by user, after the user `after`. */
  list(channel: string, after: string | undefined, limit: number): Promise<ChannelMemberRow[]>;
  find(channel: string, user: string): Promise<ChannelMemberRow | undefined>;
  /** Of those of these users who have one. One statement. */
  roles(this: void, channel: string, users: readonly string[]): Promise<Map<string, Role>>;
}

const LIST = loadStatement("channel-members");
const FIND = loadStatement("channel-member-find");
const ROLES = loadStatement("channel-roles");

export function createChannelMembers(store: Store): ChannelMembers {
  return {
    list: (channel, after, limit) => store.read<ChannelMemberRow>("channels", LIST, [channel, after ?? "", limit]),
    find: async (channel, user) => (await store.read<ChannelMemberRow>("channels", FIND, [channel, user]))[0],
    async roles(channel, users) {
      const parameters = [channel, arrayLiteral(users)];
      const rows = await store.read<Pick<ChannelMemberRow, "user" | "role">>("channels", ROLES, parameters);
      return new Map(rows.map(({ user, role }) => [user, role]));
    },
  };
}
