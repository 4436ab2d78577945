// Channels and who owns them. Called by the api and, for channels made by joining, by the edge.
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

export type ChannelKind = "public" | "private" | "password" | "direct";

/** `createdAt` in ms since the Unix epoch; null where the default of the cluster holds. */
export interface ChannelRow {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly name: string | null;
  readonly owner: string;
  readonly createdAt: number;
  readonly slowModeSec: number;
  readonly retentionDays: number | null;
  readonly memberCap: number | null;
  readonly digestAbove: number | null;
  readonly countAbove: number | null;
}

export interface NewChannel {
  readonly id: string;
  readonly kind: "public";
  readonly name?: string;
  readonly owner: string;
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface Channels {
  find(id: string): Promise<ChannelRow | undefined>;
  /** Makes the channel with its owner as a member, or answers the one that is there, whoever made it. */
  createIfAbsent(channel: NewChannel): Promise<ChannelRow>;
  /** Which of these are there. One statement. */
  existing(ids: readonly string[]): Promise<Set<string>>;
  /** Makes those of these public channels that are not there, with their owner as a member. Two statements. */
  ensurePublic(ids: readonly string[], owner: string): Promise<void>;
  /** At most `limit` by id, after the id `after`; with `member`, only those of that user. */
  list(page: { readonly after?: string; readonly limit: number; readonly member?: string }): Promise<ChannelRow[]>;
}

const FIND = loadStatement("channel-find");
const CREATE = loadStatement("channel-create");
const EXISTING = loadStatement("channels-existing");
const ENSURE = loadStatement("channels-ensure");
const LIST = loadStatement("channels-list");

export function createChannels(store: Store): Channels {
  const find = async (id: string): Promise<ChannelRow | undefined> =>
    (await store.read<ChannelRow>("channels", FIND, [id]))[0];
  const existing = async (ids: readonly string[]): Promise<Set<string>> =>
    new Set((await store.read<{ id: string }>("channels", EXISTING, [arrayLiteral(ids)])).map(({ id }) => id));
  return {
    find,
    async createIfAbsent({ id, kind, name, owner }) {
      // Looked for first, so that a Postgres that will not write keeps nobody from a channel that is there.
      const there = await find(id);
      if (there !== undefined) return there;
      const [made] = await store.write<ChannelRow>("channels", CREATE, [id, kind, name ?? null, owner]);
      // Who lost the race sees the winner's row in a statement of its own, not in the one that lost.
      const row = made ?? (await find(id));
      if (row === undefined) throw new Error("a channel was deleted while it was made");
      return row;
    },
    existing,
    async ensurePublic(ids, owner) {
      // Looked for first, for the same reason.
      const there = await existing(ids);
      const missing = ids.filter((id) => !there.has(id));
      if (missing.length > 0) await store.write("channels", ENSURE, [arrayLiteral(missing), owner]);
    },
    list: ({ after, limit, member }) => store.read<ChannelRow>("channels", LIST, [after ?? "", limit, member ?? null]),
  };
}
