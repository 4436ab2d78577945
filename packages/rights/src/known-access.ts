// What is known of a channel's rights, and the two who know more of it than this process: Redis, asked first, and Postgres.
// Ports, kept by packages broker and store; types only.
import type { AccessWish, KnownAccess } from "@rookery/protocol";

export type { AccessWish, KnownAccess };

/** Redis. Every method rejects with ChatError `unavailable`. */
export interface AccessStore {
  /** Of each wish, in order: undefined where it does not know enough. */
  read(wishes: readonly AccessWish[]): Promise<readonly (KnownAccess | undefined)[]>;
  /** Remembers what Postgres has just said. */
  fill(channel: string, known: KnownAccess): Promise<void>;
}

/** Postgres. Rejects with ChatError `unavailable`. */
export interface Standings {
  /** By channel; one that was never made is left out. One statement. */
  read(wishes: readonly AccessWish[]): Promise<ReadonlyMap<string, KnownAccess>>;
}
