// The first words with a Redis: waits until it answers, then makes sure once that it is one to rely on. Called by every
// process at its start. Must never take a server that is away for one that is unfit: the first is waited for, the second
// is refused, since no waiting mends it.
import { setTimeout as delay } from "node:timers/promises";
import { isReady, whenReady } from "./connect.ts";
import { checkServer, claimPartitionCount, UnfitRedis } from "./fitness.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface AttachOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Told what keeps it from attaching, once for each reason. */
  waiting(this: void, reason: string): void;
}

const READY_WITHIN_MS = 1000;
const RETRY_MS = 250;

/** Resolves with warnings once the server is found fit, with none when aborted. Throws UnfitRedis. */
export async function attachRedis({ connection, keys, signal, waiting }: AttachOptions): Promise<readonly string[]> {
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      await whenReady(connection, READY_WITHIN_MS);
      const { warnings } = await checkServer(connection);
      await claimPartitionCount(connection, keys, keys.partitions.count);
      return warnings;
    } catch (error) {
      if (error instanceof UnfitRedis) throw error;
      const reason = isReady(connection) && error instanceof Error ? error.message : "Redis does not answer";
      if (reason !== told) waiting(reason);
      told = reason;
    }
    await delay(RETRY_MS, undefined, { ref: false });
  }
  return [];
}
