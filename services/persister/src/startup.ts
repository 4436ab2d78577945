// Makes sure, before anything is drained, that both stores are the right ones: versions, policies, number of partitions.
// Waits for a store that is away and refuses one that is wrong, which no waiting would mend. Called by main.
import { attachRedis, UnfitRedis } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import { claimPartitionCount as claimInPostgres, isAway, outageReason, UnfitPostgres } from "@rookery/store";
import type { Store } from "@rookery/store";
import { createBackoff } from "./backoff.ts";

export interface StartupOptions {
  readonly redis: RedisConnection;
  readonly keys: Keys;
  readonly store: Store;
  readonly log: Record<"warn", (message: string) => void>;
  readonly signal: AbortSignal;
}

/** Resolves when both are right or the signal is aborted; with what is wrong, in one line, when no waiting would mend it. */
export async function checkStores(options: StartupOptions): Promise<string | undefined> {
  try {
    await Promise.all([checkRedis(options), checkPostgres(options)]);
    return undefined;
  } catch (error) {
    if (error instanceof UnfitRedis || error instanceof UnfitPostgres) return error.message;
    throw error;
  }
}

async function checkRedis({ redis, keys, log, signal }: StartupOptions): Promise<void> {
  const waiting = (reason: string): void => log.warn(`this persister waits for Redis: ${reason}`);
  const warnings = await attachRedis({ connection: redis, keys, signal, waiting });
  for (const warning of warnings) log.warn(warning);
}

async function checkPostgres({ store, keys, log, signal }: StartupOptions): Promise<void> {
  const backoff = createBackoff();
  for (let looks = 0; !signal.aborted; looks += 1) {
    try {
      await claimInPostgres(store, keys.partitions.count);
      return;
    } catch (error) {
      if (!isAway(error)) throw error;
      if (looks === 0) log.warn(`this persister waits for Postgres: ${outageReason(error)}`);
      await backoff.wait(signal);
    }
  }
}
