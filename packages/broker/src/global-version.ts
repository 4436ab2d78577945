// How far bans everywhere and revocations have come, as the announcements of them have left it in partition 0. Read by the api
// for every request of a user, which may not be served by what was so before the last of them.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** In place of a channel's id, which this is none of. */
export const NO_CHANNEL = "*";

export interface GlobalVersion {
  /** 0 where this Redis knows of no such change, which says nothing after it was lost. */
  readonly version: number;
  /** Redis' time, ms since the Unix epoch. */
  readonly atMs: number;
}

/** Throws ChatError `unavailable`. */
export async function readGlobalVersion(connection: RedisConnection, keys: Keys): Promise<GlobalVersion> {
  const { rights } = keys.partition(0);
  const reply: unknown = await answered(connection, () => connection.rookeryReadGlobal(rights));
  const [version, now]: unknown[] = Array.isArray(reply) ? reply : [];
  return { version: Number(version ?? 0), atMs: Number(now) };
}
