// Whether a Redis is one to rely on: its version, its policies, and what a cluster has written down in it for good. Asked
// by attach.ts at every start. Must need no room in Redis, and must never change what another start has written.
import { mastersOf } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** This server answers and must not be used, for the reason in the message: no waiting makes it fit. */
export class UnfitRedis extends Error {}

/**
 * Refuses, by an UnfitRedis of one line, a server older than Redis 7 (no sharded topics) or one that may evict keys; warns
 * when a restart would lose what Postgres does not have yet. On a Cluster every master is asked.
 */
export async function checkServer(connection: RedisConnection): Promise<{ warnings: string[] }> {
  const warnings: string[] = [];
  for (const server of mastersOf(connection)) {
    const info = parseInfo(await server.info());
    const name = `${server.options.host ?? "localhost"}:${server.options.port ?? 6379}`;
    const version = info.get("redis_version") ?? "an unknown version";
    const policy = info.get("maxmemory_policy") ?? "unknown";
    if (!(Number.parseInt(version, 10) >= 7))
      throw new UnfitRedis(`Redis at ${name} is ${version}; Redis 7 or newer is needed`);
    if (policy !== "noeviction") {
      throw new UnfitRedis(
        `Redis at ${name} has maxmemory-policy ${policy}; noeviction is needed, or messages could be dropped`,
      );
    }
    if (info.get("aof_enabled") !== "1") {
      warnings.push(`Redis at ${name} has appendonly off: its restart loses messages that Postgres does not have yet`);
    }
  }
  return { warnings };
}

/** An answer to INFO, by name. */
export function parseInfo(text: string): Map<string, string> {
  const pairs = text.split("\r\n").map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1)];
  });
  return new Map(pairs);
}

/** Records the number of partitions at the first start; throws an UnfitRedis of one line when another one is in force. */
export async function claimPartitionCount(connection: RedisConnection, keys: Keys, count: number): Promise<void> {
  const claimed = String(await connection.rookeryClaim(keys.partitionCount, String(count)));
  if (claimed !== String(count)) {
    throw new UnfitRedis(`this cluster was made with ${claimed} partitions and cannot run with ${count}`);
  }
}
