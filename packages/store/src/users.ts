// Users as they were last seen. Called by the api; the persister writes them.
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** Times in ms since the Unix epoch. */
export interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface Users {
  find(id: string): Promise<UserRow | undefined>;
}

const FIND = loadStatement("user-find");

export function createUsers(store: Store): Users {
  return { find: async (id) => (await store.read<UserRow>("users", FIND, [id]))[0] };
}
