// What a bench stands on: a Redis, a Postgres, edges as processes, and a publisher that uses the real script. Everything
// that is started here is stopped by `stop`, also when a bench throws.

import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createMinter } from "@rookery/auth";
import {
  connectRedis,
  createEpochFloors,
  createKeys,
  createPartitions,
  createPublisher,
  whenReady,
} from "@rookery/broker";
import type { Publisher, RedisConnection } from "@rookery/broker";
import { ORIGIN } from "@rookery/protocol";
import { startPostgres, startRedis } from "@rookery/servers";
import { migrateUp } from "@rookery/store";
import { Redis } from "ioredis";

const SECRET = "bench-0123456789-abcdefghijklmnopqrstuvwxyz";
const COMMAND_TIMEOUT_MS = 5000;
const READY_WITHIN_MS = 10_000;

/** By which a bench publishes: rights that never changed, and no slow mode. */
export const UNFENCED = { rightsVersion: 0, slowModeMs: 0, freshRights: async () => 0 } as const;

export interface Rig {
  readonly redisUrl: string;
  readonly postgresUrl: string;
  readonly postgresPid: number;
  /** A plain client, for what the bare side does and for INFO. */
  readonly redis: Redis;
  /** Starts an edge with these settings over the defaults of a bench (no rates, no caps). */
  startEdge(settings: Record<string, string>): Promise<{ process: ChildProcess; port: number; internalPort: number }>;
  startPersister(settings: Record<string, string>): Promise<ChildProcess>;
  /** Resolves once it has ended, as after a SIGTERM from outside. */
  end(child: ChildProcess): Promise<void>;
  /** Starts a file of this package as a process of its own. */
  forkHere(file: string, args: string[]): ChildProcess;
  portOf(child: ChildProcess): Promise<number>;
  pidOf(child: ChildProcess): number;
  redisPid(): Promise<number>;
  token(user: string): Promise<string>;
  publisher(): Publisher;
  stop(): Promise<void>;
}

/** `durable`: Postgres syncs what it commits, which a bench that compares few transactions with many must not leave out. */
export async function startRig({ durable = false }: { durable?: boolean } = {}): Promise<Rig> {
  const endings: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of endings.toReversed()) await end();
  };
  try {
    const redisServer = await startRedis({ args: { appendonly: "no" } });
    endings.push(() => redisServer.stop());
    const postgres = await startPostgres({ ephemeral: !durable });
    endings.push(() => postgres.stop());
    await migrateUp(postgres.url);
    const redis = new Redis(redisServer.url);
    endings.push(() => redis.disconnect());
    const commands = connectRedis({ url: redisServer.url, use: "commands", commandTimeoutMs: COMMAND_TIMEOUT_MS });
    endings.push(() => commands.disconnect());
    await whenReady(commands, READY_WITHIN_MS);
    return buildRig(redisServer.url, postgres, redis, commands, endings, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function buildRig(
  redisUrl: string,
  postgres: { readonly url: string; readonly pid: number },
  redis: Redis,
  commands: RedisConnection,
  endings: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Rig {
  const minter = createMinter({ secret: SECRET, issuer: "rookery", audience: "rookery" });
  const defaults = {
    ROOKERY_REDIS_URL: redisUrl,
    ROOKERY_POSTGRES_URL: postgres.url,
    ROOKERY_JWT_SECRET: SECRET,
    ROOKERY_PORT: "0",
    ROOKERY_INTERNAL_PORT: "0",
    ROOKERY_CHANNELS_AUTO_CREATE: "public",
    ROOKERY_CONNECTIONS_PER_USER: "10000",
    ROOKERY_LOOPBACK_EXEMPT: "true",
    // The raw readers answer no pings.
    ROOKERY_IDLE_MS: "3600000",
    ROOKERY_CONNECTS_PER_SEC: "100000",
    ROOKERY_PACE_MAX_MS: "0",
    ROOKERY_LOG_LEVEL: "warn",
  };
  const start = (file: string, args: string[], env: Record<string, string>): ChildProcess => {
    const child = fork(file, args, { env: { ...process.env, ...env }, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const exited = once(child, "exit");
    endings.push(async () => {
      child.kill("SIGTERM");
      await exited;
    });
    return child;
  };
  const portsOf = async (child: ChildProcess): Promise<{ port: number; internalPort: number }> => {
    const message = await nextMessage(child);
    if (typeof message !== "object" || message === null || !("port" in message))
      throw new Error("a bench's server did not say its port");
    return { port: Number(message.port), internalPort: "internalPort" in message ? Number(message.internalPort) : 0 };
  };
  return {
    redisUrl,
    postgresUrl: postgres.url,
    postgresPid: postgres.pid,
    redis,
    portOf: async (child) => (await portsOf(child)).port,
    stop,
    async startEdge(settings) {
      const file = fileURLToPath(import.meta.resolve("@rookery/edge"));
      const child = start(file, [], { UWS_HTTP_MAX_HEADERS_SIZE: "16384", ...defaults, ...settings });
      return { process: child, ...(await portsOf(child)) };
    },
    async startPersister(settings) {
      const child = start(fileURLToPath(import.meta.resolve("@rookery/persister")), [], { ...defaults, ...settings });
      await nextMessage(child);
      return child;
    },
    async end(child) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    },
    forkHere: (file, args) => start(fileURLToPath(new URL(file, import.meta.url)), args, {}),
    pidOf(child) {
      if (child.pid === undefined) throw new Error("a bench's server did not start");
      return child.pid;
    },
    redisPid: async () => Number(/process_id:(\d+)/.exec(await redis.info("server"))?.[1]),
    token: async (user) => (await minter.mint({ user, ttlSec: 3600 })).token,
    publisher() {
      const partitions = createPartitions(64);
      return createPublisher({
        connection: commands,
        keys: createKeys(partitions),
        partitions,
        floors: createEpochFloors(),
        lastSaved: () => Promise.resolve(ORIGIN),
        outboxMaxBytes: 64 * 2 ** 30,
        deadlineMs: COMMAND_TIMEOUT_MS,
      });
    },
  };
}

/** The next word of a child; a child that ends without one fails the bench instead of keeping it waiting. */
export async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const { signal } = ended;
  const exit = once(child, "exit", { signal }).then(() => {
    throw new Error(`a process of the bench ended: ${child.spawnargs.join(" ")}`);
  });
  try {
    const [message]: unknown[] = await Promise.race([once(child, "message", { signal }), exit]);
    return message;
  } finally {
    // Whichever did not win the race is called off here, and nobody is left to hear of it.
    exit.catch(() => undefined);
    ended.abort();
  }
}
