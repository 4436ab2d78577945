// Reads the version of a channel's rights, which every publication must name. Called where rights are loaded.
import { ChatError } from "@rookery/protocol";
import type { RedisConnection } from "./connect.ts";
import { isReady } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** 0 for a channel whose rights never changed. Throws ChatError `unavailable`. */
export async function rightsVersion(connection: RedisConnection, keys: Keys, channel: string): Promise<number> {
  const { rights } = keys.partition(keys.partitions.of(channel));
  const unavailable = (): never => {
    throw new ChatError("unavailable", "the message store cannot be reached");
  };
  if (!isReady(connection)) unavailable();
  return Number((await connection.hget(rights, channel).catch(unavailable)) ?? 0);
}
