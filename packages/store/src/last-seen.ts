// When users were last seen, noted by the persister from what sessions left in Redis. save-batch.ts notes it of who writes.
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

export interface SeenUser {
  readonly user: string;
  readonly name: string;
  /** ms since the Unix epoch */
  readonly at: number;
}

const SEEN = loadStatement("users-seen");

/** One statement; each user once. What is older than what is known changes nothing. Rejects with the driver's error. */
export async function saveSeen(store: Store, seen: readonly SeenUser[]): Promise<void> {
  await store.query(SEEN, [
    arrayLiteral(seen.map(({ user }) => user)),
    arrayLiteral(seen.map(({ name }) => name)),
    arrayLiteral(seen.map(({ at }) => at)),
  ]);
}
