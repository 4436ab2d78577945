// The bans and mutes that are in force, for whoever looks at them. Called by the api.
import type { Store } from "./connect.ts";
import type { SanctionRow } from "./rights-changes.ts";
import { loadStatement } from "./statement.ts";

export type SanctionKind = "ban" | "mute";

/** A ban everywhere. */
export type EverywhereRow = Omit<SanctionRow, "channel">;

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface Sanctions {
  /** At most `limit` by user, after the user `after`. */
  list(kind: SanctionKind, channel: string, after: string | undefined, limit: number): Promise<SanctionRow[]>;
  find(kind: SanctionKind, channel: string, user: string): Promise<SanctionRow | undefined>;
  findEverywhere(user: string): Promise<EverywhereRow | undefined>;
}

const LISTS = { ban: loadStatement("bans-list"), mute: loadStatement("mutes-list") } as const;
const FINDS = { ban: loadStatement("ban-find"), mute: loadStatement("mute-find") } as const;
const FIND_EVERYWHERE = loadStatement("user-ban-find");

export function createSanctions(store: Store): Sanctions {
  return {
    list: (kind, channel, after, limit) =>
      store.read<SanctionRow>("channels", LISTS[kind], [channel, after ?? "", limit]),
    find: async (kind, channel, user) => (await store.read<SanctionRow>("channels", FINDS[kind], [channel, user]))[0],
    findEverywhere: async (user) => (await store.read<EverywhereRow>("users", FIND_EVERYWHERE, [user]))[0],
  };
}
