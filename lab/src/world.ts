// Owns a real cluster of processes as the lab breaks it: servers that die and return, edges, persisters and an api, and a
// proxy on every way between them that a fault may spoil. Called by main.ts, which starts and stops it, and by faults.
// States: starting, whole, broken (by a fault), stopped. `heal` makes it whole from whatever a fault left behind.
// Must never be broken by anything else than a fault.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createMinter } from "@rookery/auth";
import { startPostgres } from "@rookery/servers";
import { migrateUp } from "@rookery/store";
import { createUnheard, eventually, startProxy } from "@rookery/testkit";
import type { Proxy, Unheard } from "@rookery/testkit";
import postgres from "postgres";
import type { Sql } from "postgres";
import { keepServer } from "./kept-server.ts";
import type { KeptServer } from "./kept-server.ts";
import { startRedisSide } from "./redis-side.ts";
import type { RedisSide, Topology } from "./redis-side.ts";
import { createService } from "./service.ts";
import type { Service, ServiceKind } from "./service.ts";

/** A process and what lies between it and the stores. */
export interface Node {
  readonly service: Service;
  /** To a single Redis; members of a group tell their own addresses, past any proxy. */
  readonly redis: Proxy | undefined;
  readonly postgres: Proxy;
}

export interface EdgeNode extends Node {
  /** Between the edge and its clients. */
  readonly clients: Proxy;
}

/** What `ok` means in a cluster: ROOKERY_ACK. */
export type Ack = "fast" | "safe";

export interface World {
  readonly topology: Topology;
  readonly ack: Ack;
  readonly redis: RedisSide;
  readonly postgres: KeptServer;
  readonly edges: readonly EdgeNode[];
  readonly persisters: readonly Node[];
  readonly api: Node;
  readonly sql: Sql;
  /** Speaks and bans past every proxy, and no edge hears of it. */
  readonly unheard: Unheard;
  /** One connection of its own past every proxy, for the caller to end. */
  openSql(): Sql;
  token(user: string): Promise<string>;
  /** One request to the api, with a key that may do everything. */
  ask(method: string, path: string, body?: object): Promise<Response>;
  nodes(): readonly Node[];
  /** Resolves once everything runs and says that it is ready. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly topology: Topology;
  /** `fast` unless given. */
  readonly ack?: Ack;
  /** Where the checkout, or a variant of it, was built. */
  readonly root: string;
  /** For the logs of its processes and servers. */
  readonly folder: string;
  readonly edges?: number;
  readonly persisters?: number;
}

const SECRET = "lab-0123456789-abcdefghijklmnopqrstuvwxyz";
const API_KEY = "lab-key-0123456789-abcdefghijklmnopqrstuvwxyz";
const AUDIT_KEY = "lab-audit-0123456789-abcdefghijklmnopqrstuvwxyz";
const TOKEN_TTL_SEC = 7_200;
const WHOLE_WITHIN_MS = 60_000;
/** What a fault leaves behind is told by what it broke, not by limits that were reached. */
const UNHURRIED = {
  ROOKERY_SENDS_PER_SEC: "10000",
  ROOKERY_SEND_BURST: "10000",
  ROOKERY_COMMANDS_PER_SEC: "10000",
  ROOKERY_COMMAND_BURST: "10000",
  ROOKERY_USER_SENDS_PER_SEC: "1000000",
  ROOKERY_ADDRESS_SENDS_PER_SEC: "1000000",
  ROOKERY_CHANNEL_SENDS_PER_SEC: "1000000",
  ROOKERY_REQUESTS_PER_MIN: "1000000",
};
const SETTINGS = {
  ...UNHURRIED,
  ROOKERY_JWT_SECRET: SECRET,
  ROOKERY_API_KEY: API_KEY,
  ROOKERY_AUDIT_KEY: AUDIT_KEY,
  ROOKERY_CHANNELS_AUTO_CREATE: "public",
  ROOKERY_LOOPBACK_EXEMPT: "true",
  ROOKERY_DRAIN_MS: "2000",
  // uWebSockets.js reads it once; a token of 8 KiB enters by a header.
  UWS_HTTP_MAX_HEADERS_SIZE: "16384",
  // A slow reader is felt once the kernel has taken what it takes, and not megabytes later.
  ROOKERY_SOFT_BUFFER_BYTES: "32768",
  ROOKERY_HARD_BUFFER_BYTES: "131072",
};

export async function startWorld(options: WorldOptions): Promise<World> {
  const { topology, ack = "fast", root, folder, edges = 2, persisters = 2 } = options;
  await mkdir(folder, { recursive: true });
  const endings: (() => Promise<unknown> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of endings.splice(0).toReversed()) await end();
  };
  try {
    const [redis, store] = await Promise.all([
      startRedisSide(topology, folder),
      keepServer("postgres", folder, (where) => startPostgres({ ...where, ephemeral: true })),
    ]);
    endings.push(redis.stop, store.stop);
    await migrateUp(store.url);
    const open = (max: number): Sql => postgres(store.url, { max, onnotice: () => undefined });
    const sql = open(3);
    endings.push(() => sql.end({ timeout: 1 }));
    const unheard = await createUnheard({ redisUrl: redis.url, postgresUrl: store.url });
    endings.push(unheard.close);

    const way = async (target: string): Promise<Proxy> => {
      const proxy = await startProxy({ target });
      endings.push(() => proxy.close());
      return proxy;
    };
    const startNode = async (name: string, kind: ServiceKind): Promise<Node> => {
      const toPostgres = await way(store.url);
      const toRedis = topology === "single" ? await way(redis.url) : undefined;
      const service = await createService({
        ...{ name, kind, main: join(root, "services", kind, "dist", "main.js"), logFile: join(folder, `${name}.log`) },
        env: {
          ...{ ...SETTINGS, ROOKERY_ACK: ack, ROOKERY_REDIS_URL: toRedis?.url() ?? redis.url },
          ROOKERY_POSTGRES_URL: toPostgres.url(),
        },
      });
      endings.push(async () => {
        service.signal("SIGCONT");
        await service.stop();
      });
      await service.start();
      return { service, redis: toRedis, postgres: toPostgres };
    };
    const startEdge = async (name: string): Promise<EdgeNode> => {
      const node = await startNode(name, "edge");
      return { ...node, clients: await way(`127.0.0.1:${node.service.ports.port}`) };
    };
    const names = (kind: string, count: number): string[] =>
      Array.from({ length: count }, (_, n) => `${kind}-${n + 1}`);
    const [edgeNodes, persisterNodes, api] = await Promise.all([
      Promise.all(names("edge", edges).map(startEdge)),
      Promise.all(names("persister", persisters).map((name) => startNode(name, "persister"))),
      startNode("api", "api"),
    ]);
    const world = {
      ...{
        topology,
        ack,
        redis,
        postgres: store,
        edges: edgeNodes,
        persisters: persisterNodes,
        api,
        sql,
        unheard,
        stop,
        openSql: () => open(1),
      },
      ...createDoors(api),
    };
    const nodes = (): readonly Node[] => [...edgeNodes, ...persisterNodes, api];
    const whole: World = { ...world, nodes, heal: () => heal(whole) };
    await whole.heal();
    return whole;
  } catch (error) {
    await stop();
    throw error;
  }
}

function createDoors(api: Node): Pick<World, "token" | "ask"> {
  const minter = createMinter({ secret: SECRET, issuer: "rookery", audience: "rookery" });
  return {
    token: async (user) => (await minter.mint({ user, ttlSec: TOKEN_TTL_SEC })).token,
    ask: (method, path, body) =>
      fetch(`http://127.0.0.1:${api.service.ports.port}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${API_KEY}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  };
}

/** Calms every way, thaws and revives everything, and waits until all say that they are ready. */
async function heal(world: World): Promise<void> {
  const { redis, postgres: store, edges } = world;
  for (const proxy of [
    ...world.nodes().flatMap((node) => [node.redis, node.postgres]),
    ...edges.map((one) => one.clients),
  ]) {
    proxy?.freeze(false);
    proxy?.refuse(false);
    proxy?.latency(0);
    proxy?.bandwidth(undefined);
  }
  const servers = [...redis.members, store];
  for (const server of servers) await server.revive();
  for (const server of servers) process.kill(server.pid(), "SIGCONT");
  await redis.settled();
  for (const { admin } of redis.members) await admin.config("SET", "maxmemory", "0");
  for (const { service } of world.nodes()) {
    if (service.isRunning()) service.signal("SIGCONT");
    else await service.start();
  }
  await eventually(
    async () => {
      const told = await Promise.all(
        world.nodes().map(async ({ service }) => [service.name, await service.readiness()] as const),
      );
      const unready = told.filter(([, status]) => status !== 200).map(([name, status]) => `${name} ${status}`);
      if (unready.length > 0) throw new Error(`not ready: ${unready.join(", ")}`);
      return true;
    },
    { withinMs: WHOLE_WITHIN_MS, everyMs: 100, what: "a cluster that is whole" },
  );
}
