// Owns the private Redis of one test file. Called at the top of `*.redis.test.ts` files.
// Must never be shared between files: they flush it, kill it and freeze it.
import { startRedis } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import { Redis } from "ioredis";
import { afterAll } from "vitest";

export interface TestRedisOptions {
  /** Lines of redis.conf over the fast defaults, for example `{ maxmemory: "8mb" }`. */
  args?: Record<string, string>;
}

/** The server and a plain client on it. */
export interface TestRedis extends RunningServer {
  /** For looking at keys and for injecting faults; it reconnects by itself. */
  redis: Redis;
  /** Empties the server, scripts included. */
  flush: () => Promise<void>;
}

/**
 * Starts a Redis on a free port in a temporary folder without persistence, and stops it after the file's last test.
 * Call it at the top level of a test file: `const server = await testRedis();`
 */
export const testRedis = async (options: TestRedisOptions = {}): Promise<TestRedis> => {
  const server = await startRedis({ args: { appendonly: "no", ...options.args } });
  const redis = new Redis(server.url);
  // Tests kill the server on purpose; without a listener each lost connection would be printed.
  redis.on("error", () => undefined);
  const flush = async (): Promise<void> => {
    await redis.flushall();
    await redis.script("FLUSH");
  };
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  return { ...server, redis, flush };
};
