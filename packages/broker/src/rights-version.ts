// Reads the version of a channel's rights, which every publication must name. Called where rights are loaded.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** 0 for a channel whose rights never changed. Throws ChatError `unavailable`. */
export async function rightsVersion(connection: RedisConnection, keys: Keys, channel: string): Promise<number> {
  const { rights } = keys.partition(keys.partitions.of(channel));
  return Number((await answered(connection, () => connection.hget(rights, channel))) ?? 0);
}
