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
import { startPostgres, startRedisTopology } from "@rookery/servers";
import type { RedisKind, RedisTopology } from "@rookery/servers";
import { migrateUp } from "@rookery/store";
import { Redis } from "ioredis";

const SECRET = "bench-0123456789-abcdefghijklmnopqrstuvwxyz";
const API_KEY = "bench-key-0123456789-abcdefghijklmnopqrstuvwxyz";
const COMMAND_TIMEOUT_MS = 5000;
const READY_WITHIN_MS = 10_000;

/** By which a bench publishes: rights that never changed, and no slow mode. */
export const UNFENCED = { rightsVersion: 0, slowModeMs: 0, freshRights: async () => 0 } as const;

export interface Rig {
  readonly redisUrl: string;
  readonly postgresUrl: string;
  readonly postgresPid: number;
  /** A plain client of the first server, for what the bare side does and for INFO. */
  readonly redis: Redis;
  /** Of every master. */
  readonly masters: readonly Redis[];
  /** Starts an edge with these settings over the defaults of a bench (no rates, no caps), of the built file or of another. */
  startEdge(
    settings: Record<string, string>,
    file?: string,
  ): Promise<{ process: ChildProcess; port: number; internalPort: number }>;
  startPersister(settings: Record<string, string>): Promise<ChildProcess>;
  /** Starts an api that takes `apiKey` and as many requests as come. */
  startApi(): Promise<{ process: ChildProcess; port: number }>;
  readonly apiKey: string;
  /** Resolves once it has ended, as after a SIGTERM from outside. */
  end(child: ChildProcess): Promise<void>;
  /** Starts a file of this package as a process of its own. */
  forkHere(file: string, args: string[]): ChildProcess;
  portOf(child: ChildProcess): Promise<number>;
  pidOf(child: ChildProcess): number;
  redisPid(): Promise<number>;
  /** Of every server, replicas and Sentinels too. */
  readonly redisPids: readonly number[];
  token(user: string): Promise<string>;
  publisher(): Publisher;
  stop(): Promise<void>;
}

export interface RigOptions {
  /** Postgres syncs what it commits, which a bench that compares few transactions with many must not leave out. */
  readonly durable?: boolean;
  /** As what Redis runs; one server unless given. */
  readonly kind?: RedisKind;
}

export async function startRig({ durable = false, kind = "single" }: RigOptions = {}): Promise<Rig> {
  const endings: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of endings.toReversed()) await end();
  };
  try {
    const topology = await startRedisTopology({ kind, args: { appendonly: "no" } });
    endings.push(() => topology.stop());
    const postgres = await startPostgres({ ephemeral: !durable });
    endings.push(() => postgres.stop());
    await migrateUp(postgres.url);
    const masters = topology.servers.filter(({ role }) => role === "master").map(({ url }) => new Redis(url));
    endings.push(() => masters.forEach((each) => each.disconnect()));
    const commands = connectRedis({ url: topology.url, use: "commands", commandTimeoutMs: COMMAND_TIMEOUT_MS });
    endings.push(() => commands.disconnect());
    await whenReady(commands, READY_WITHIN_MS);
    return buildRig({ topology, masters, postgres, commands, endings, stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Parts {
  readonly topology: RedisTopology;
  readonly masters: readonly Redis[];
  readonly postgres: { readonly url: string; readonly pid: number };
  readonly commands: RedisConnection;
  readonly endings: (() => Promise<void> | void)[];
  readonly stop: () => Promise<void>;
}

function buildRig({ topology, masters, postgres, commands, endings, stop }: Parts): Rig {
  const redisUrl = topology.url;
  const [redis] = masters;
  if (redis === undefined) throw new Error("there is no master");
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
    ROOKERY_USER_SENDS_PER_SEC: "1000000",
    ROOKERY_CHANNEL_SENDS_PER_SEC: "1000000",
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
  const portOf = async (child: ChildProcess): Promise<number> => (await portsOf(child)).port;
  return {
    redisUrl,
    postgresUrl: postgres.url,
    postgresPid: postgres.pid,
    redis,
    masters,
    redisPids: [...topology.servers, ...topology.sentinels].map(({ pid }) => pid),
    portOf,
    stop,
    async startEdge(settings, file = fileURLToPath(import.meta.resolve("@rookery/edge"))) {
      const child = start(file, [], { UWS_HTTP_MAX_HEADERS_SIZE: "16384", ...defaults, ...settings });
      const ports = await portsOf(child);
      await untilReady(ports.internalPort);
      return { process: child, ...ports };
    },
    async startPersister(settings) {
      const child = start(fileURLToPath(import.meta.resolve("@rookery/persister")), [], { ...defaults, ...settings });
      await nextMessage(child);
      return child;
    },
    apiKey: API_KEY,
    async startApi() {
      const own = { ROOKERY_API_KEY: API_KEY, ROOKERY_REQUESTS_PER_MIN: "1000000" };
      const child = start(fileURLToPath(import.meta.resolve("@rookery/api")), [], { ...defaults, ...own });
      return { process: child, port: await portOf(child) };
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

/** An edge turns clients away until it has read who is banned everywhere. */
async function untilReady(internalPort: number): Promise<void> {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while ((await fetch(`http://127.0.0.1:${internalPort}/readyz`)).status !== 200) {
    if (performance.now() > deadlineMs) throw new Error("an edge of the bench does not get ready");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
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
