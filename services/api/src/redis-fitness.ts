// Whether the Redis that answers is one to rely on: asked once, as soon as it answers. Started by main, read by readiness.
// An unfit Redis is refused, which ends the process. States: waiting (it does not answer or has not been asked), fit.
import { attachRedis, isReady, UnfitRedis } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import type { Log } from "@rookery/runtime";

export interface RedisFitness {
  /** What keeps this process from serving, in one line, or undefined. */
  trouble(this: void): string | undefined;
  /** Resolves when it has been asked. */
  readonly known: Promise<void>;
  close(this: void): void;
}

export interface RedisFitnessOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly log: Pick<Log, "warn">;
  unfit(this: void, reason: string): void;
}

export function watchRedisFitness({ connection, keys, log, unfit }: RedisFitnessOptions): RedisFitness {
  const closing = new AbortController();
  let isFit = false;
  let trouble = "it has not been asked yet";

  async function attach(): Promise<void> {
    const waiting = (reason: string): void => {
      trouble = reason;
      log.warn({ reason }, "this api says unavailable until Redis answers");
    };
    try {
      const warnings = await attachRedis({ connection, keys, signal: closing.signal, waiting });
      for (const warning of warnings) log.warn(warning);
      isFit = true;
    } catch (error) {
      if (!(error instanceof UnfitRedis)) throw error;
      unfit(error.message);
    }
  }

  return {
    known: attach(),
    trouble() {
      if (!isReady(connection)) return "Redis does not answer";
      return isFit ? undefined : `Redis is not checked: ${trouble}`;
    },
    close: () => closing.abort(),
  };
}
