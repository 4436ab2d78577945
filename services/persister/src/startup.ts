// Makes sure, before anything is drained, that both stores are the right ones: versions, policies, number of partitions.
// Waits for a store that is away and refuses one that is wrong, which no waiting would mend. Called by main.
import { checkServer, claimPartitionCount as claimInRedis, isReady } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import { claimPartitionCount as claimInPostgres, isAway } from "@rookery/store";
import type { Store } from "@rookery/store";
import { createBackoff, pause } from "./backoff.ts";

export interface StartupOptions {
  readonly redis: RedisConnection;
  readonly keys: Keys;
  readonly store: Store;
  readonly log: Record<"warn", (message: string) => void>;
  readonly signal: AbortSignal;
}

const LOOK_AGAIN_MS = 100;
/** A connection that is just being made is nothing to speak of. */
const SAY_AFTER_LOOKS = 10;

/** Resolves when both are right, or when the signal is aborted. Throws an Error of one line when one is wrong. */
export async function checkStores(options: StartupOptions): Promise<void> {
  await Promise.all([checkRedis(options), checkPostgres(options)]);
}

async function checkRedis({ redis, keys, log, signal }: StartupOptions): Promise<void> {
  for (let looks = 0; !signal.aborted; looks += 1) {
    if (isReady(redis)) {
      try {
        const { warnings } = await checkServer(redis);
        await claimInRedis(redis, keys, keys.partitions.count);
        for (const warning of warnings) log.warn(warning);
        return;
      } catch (error) {
        if (isVerdict(error)) throw error;
      }
    }
    if (looks === SAY_AFTER_LOOKS) log.warn("waiting for Redis");
    await pause(LOOK_AGAIN_MS, signal);
  }
}

/** A check's own complaint names the server or the cluster; all else comes from a connection that does not hold. */
function isVerdict(error: unknown): boolean {
  return error instanceof Error && /^(Redis at |this cluster )/.test(error.message);
}

async function checkPostgres({ store, keys, log, signal }: StartupOptions): Promise<void> {
  const backoff = createBackoff();
  for (let looks = 0; !signal.aborted; looks += 1) {
    try {
      await claimInPostgres(store, keys.partitions.count);
      return;
    } catch (error) {
      if (!isAway(error)) throw error;
      if (looks === SAY_AFTER_LOOKS) log.warn("waiting for Postgres");
      await backoff.wait(signal);
    }
  }
}
