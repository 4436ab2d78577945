// Whether the Redis that answers is one to rely on: asked once, as soon as it answers. Started by every service, read by its
// readiness. An unfit Redis is refused, which ends the process: no waiting mends it.
// States: waiting (it does not answer or has not been asked), fit, refused, closed.
import { attachRedis, isReady, UnfitRedis } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import type { ProcessContext } from "@rookery/runtime";

export interface FitRedis {
  /** Resolves once it has been found fit: true; or when closed or refused: false. */
  readonly isFit: Promise<boolean>;
  /** What keeps this process from serving, in one line, or undefined. */
  trouble(this: void): string | undefined;
}

export interface FitRedisOptions {
  readonly context: Pick<ProcessContext<unknown>, "log" | "onStop" | "refuse">;
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** Said once for each reason for which it has to wait. */
  readonly waitingLine: string;
}

export function watchFitness({ context, connection, keys, waitingLine }: FitRedisOptions): FitRedis {
  const { log, onStop, refuse } = context;
  const closing = new AbortController();
  let isFit = false;
  let reasonToWait = "it has not been asked yet";
  onStop("redis fitness", () => closing.abort());

  async function attach(): Promise<boolean> {
    const waiting = (reason: string): void => {
      reasonToWait = reason;
      log.warn({ reason }, waitingLine);
    };
    try {
      const warnings = await attachRedis({ connection, keys, signal: closing.signal, waiting });
      for (const warning of warnings) log.warn(warning);
      isFit = !closing.signal.aborted;
    } catch (error) {
      if (!(error instanceof UnfitRedis)) throw error;
      refuse(error.message);
    }
    return isFit;
  }

  return {
    isFit: attach(),
    trouble() {
      if (!isReady(connection)) return "Redis does not answer";
      return isFit ? undefined : `Redis is not checked: ${reasonToWait}`;
    },
  };
}
