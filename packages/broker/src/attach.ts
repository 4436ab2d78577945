// The first words with a Redis: waits until it answers, then makes sure once that it is one to rely on. Called by every
// process at its start. Must never take a server that is away for one that is unfit: the first is waited for, the second
// is refused, since no waiting mends it.
import { setTimeout as delay } from "node:timers/promises";
import { faultOf, isReady, whenReady } from "./connect.ts";
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
  const told = new Set<string>();
  while (!signal.aborted) {
    try {
      await whenReady(connection, READY_WITHIN_MS);
      const { warnings } = await checkServer(connection);
      await claimPartitionCount(connection, keys, keys.partitions.count);
      return warnings;
    } catch (error) {
      if (error instanceof UnfitRedis) throw error;
      const { kind, reason } = troubleOf(connection, error);
      if (!told.has(kind)) waiting(reason);
      told.add(kind);
    }
    await delay(RETRY_MS, undefined, { ref: false });
  }
  return [];
}

/** Of a Redis that does not answer the words for it change from try to try, and one complaint is enough. */
function troubleOf(connection: RedisConnection, error: unknown): { kind: string; reason: string } {
  if (isReady(connection) && error instanceof Error) return { kind: error.message, reason: error.message };
  const kind = "Redis does not answer";
  const fault = faultOf(connection);
  return { kind, reason: fault === undefined ? kind : `${kind}: ${fault}` };
}
