// Channels and who owns them. Called by the api and, for channels made by joining, by the edge.
import type { ChannelKind } from "@rookery/protocol";
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

export type { ChannelKind } from "@rookery/protocol";

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
  /** Grows with every change. */
  readonly settingsVersion: number;
  /** Grows with every change of who may do what. */
  readonly rightsVersion: number;
  /** Only of kind password. */
  readonly hasPassword: boolean;
}

export interface ChannelPage {
  /** The id the page comes after. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** Only those in which this user has a role. */
  readonly member?: string | undefined;
  readonly kind?: ChannelKind | undefined;
}

/** From how many members present on a channel is told in another way; null where the default of the cluster holds. */
export interface ChannelSettings {
  /** Grows with every change; 0 while only defaults were ever in force. */
  readonly version: number;
  readonly digestAbove: number | null;
  readonly countAbove: number | null;
}

/** A channel that was deleted is not there. Every method throws ChatError `unavailable` while Postgres is away. */
export interface Channels {
  find(id: string): Promise<ChannelRow | undefined>;
  /** Those of these that are there. One statement. */
  existing(ids: readonly string[]): Promise<Map<string, ChannelSettings>>;
  /**
   * All of these, of which those public ones that are not there are made, with their owner as a member. Two statements, and
   * a third where somebody else makes one at the very moment.
   */
  ensurePublic(ids: readonly string[], owner: string): Promise<Map<string, ChannelSettings>>;
  /** What passwords are checked against, argon2id; undefined where there is none. */
  passwordHash(id: string): Promise<string | undefined>;
  /** At most `limit` by id. */
  list(page: ChannelPage): Promise<ChannelRow[]>;
}

const FIND = loadStatement("channel-find");
const EXISTING = loadStatement("channels-existing");
const ENSURE = loadStatement("channels-ensure");
const LIST = loadStatement("channels-list");
const PASSWORD_HASH = loadStatement("channel-password");

const UNSET: ChannelSettings = { version: 0, digestAbove: null, countAbove: null };

export function createChannels(store: Store): Channels {
  const existing = async (ids: readonly string[]): Promise<Map<string, ChannelSettings>> => {
    const rows = await store.read<ChannelSettings & { id: string }>("channels", EXISTING, [arrayLiteral(ids)]);
    return new Map(rows.map(({ id, ...settings }) => [id, settings]));
  };
  return {
    find: async (id) => (await store.read<ChannelRow>("channels", FIND, [id]))[0],
    existing,
    async ensurePublic(ids, owner) {
      // Looked for first, so that a Postgres that will not write keeps nobody from a channel that is there.
      const there = await existing(ids);
      const missing = ids.filter((id) => !there.has(id));
      if (missing.length === 0) return there;
      const made = await store.write<{ id: string }>("channels", ENSURE, [arrayLiteral(missing), owner]);
      for (const { id } of made) there.set(id, UNSET);
      const others = missing.filter((id) => !there.has(id));
      return others.length === 0 ? there : new Map([...there, ...(await existing(others))]);
    },
    passwordHash: async (id) => (await store.read<{ hash: string }>("channels", PASSWORD_HASH, [id]))[0]?.hash,
    list: ({ after, limit, member, kind }) =>
      store.read<ChannelRow>("channels", LIST, [after ?? "", limit, member ?? null, kind ?? null]),
  };
}
