// Who may do what in a channel, as Redis remembers it from Postgres: read before Postgres is asked, and there for as long as
// Postgres is away. Called by packages/rights through edge and api. Shapes and promises; create-access.ts keeps them.
import type { AccessWish, KnownAccess } from "@rookery/protocol";

export type { AccessWish, KnownAccess };

/** Every method rejects with ChatError `unavailable`. */
export interface AccessStore {
  /**
   * Of each wish, in order: undefined where Redis knows not enough, or knows of a newer version than what it remembers. One
   * run on a single server, whatever the number of wishes.
   */
  read(wishes: readonly AccessWish[]): Promise<readonly (KnownAccess | undefined)[]>;
  /**
   * Remembers what Postgres has just said. What is older than what Redis has is dropped, what is newer replaces all; and the
   * version that fences sends is raised to it, never lowered.
   */
  fill(channel: string, known: KnownAccess): Promise<void>;
}
