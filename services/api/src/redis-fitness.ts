// Whether the Redis that answers is one to rely on: asked once, as soon as it answers, for as long as that takes. Started by
// main, read by readiness. An unfit Redis ends the process, since no waiting makes it fit.
// States: waiting (it does not answer or has not been asked), fit, closed.
import { setTimeout as delay } from "node:timers/promises";
import { checkServer, claimPartitionCount, isReady, whenReady } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import type { Log } from "@rookery/runtime";

export interface RedisFitness {
  /** What keeps this process from serving, in one line, or undefined. */
  trouble(this: void): string | undefined;
  close(this: void): void;
}

export interface RedisFitnessOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly log: Pick<Log, "warn" | "fatal">;
  readonly waitMs: number;
  unfit(this: void): void;
}

const RETRY_MS = 500;

export function watchRedisFitness({ connection, keys, log, waitMs, unfit }: RedisFitnessOptions): RedisFitness {
  let state: "waiting" | "fit" | "closed" = "waiting";
  let reason = "it has not been asked yet";

  async function check(): Promise<void> {
    await whenReady(connection, waitMs);
    const { warnings } = await checkServer(connection);
    await claimPartitionCount(connection, keys, keys.partitions.count);
    for (const warning of warnings) log.warn(warning);
    if (state === "waiting") state = "fit";
  }

  async function watch(): Promise<void> {
    while (state === "waiting") {
      try {
        await check();
      } catch (error) {
        if (isReady(connection) && isVerdict(error)) {
          log.fatal({ err: error }, "this Redis cannot be relied on");
          unfit();
          return;
        }
        remember(error);
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
  }

  /** That Redis is away is said by its connection; what else keeps it from being asked is said here, once. */
  function remember(error: unknown): void {
    const text = error instanceof Error ? error.message : "unknown";
    if (text !== reason && isReady(connection)) log.warn({ err: error }, "Redis cannot be checked");
    reason = text;
  }

  void watch();
  return {
    trouble() {
      if (!isReady(connection)) return "Redis does not answer";
      return state === "fit" ? undefined : `Redis is not checked: ${reason}`;
    },
    close() {
      state = "closed";
    },
  };
}

/** What the checks say of a server is a plain Error; the driver's errors have names or codes, or are of these words. */
function isVerdict(error: unknown): boolean {
  return error instanceof Error && error.name === "Error" && !("code" in error) && !TRANSPORT.test(error.message);
}

const TRANSPORT = /timed out|closed|not ready within|writeable|isn't ready/;
