// Owns the start of Redis as it is run anywhere: one server, a master with replicas under Sentinels, or a Cluster; all on
// loopback, all ending with this process. Called by the command line's `dev` and by the testkit.
// States: starting, forming, whole; whatever is done to its members later, `settled` tells when it is whole again.
// Must never leave a process or a temporary folder behind, however its starter ends.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startKeeper } from "./keeper.ts";
import { areWatched, formerMaster, hasten, leaderOf, MASTER_NAME, sentinelLines, SENTINELS } from "./sentinel-group.ts";
import { areAcquainted, clusterLines, introduce, isServing, MASTERS, shareOut } from "./slot-cluster.ts";
import type { StartRedisOptions } from "./start-redis.ts";
import { startServer } from "./topology-server.ts";
import type { KeptServer, ServerRole, TopologyServer } from "./topology-server.ts";

export const REDIS_KINDS = ["single", "sentinel", "cluster"] as const;
export type RedisKind = (typeof REDIS_KINDS)[number];

export interface RedisTopologyOptions extends Pick<StartRedisOptions, "args" | "tls" | "say"> {
  kind: RedisKind;
  /** Each member has a folder of its own name in it. Without it a temporary one is made and removed at the end. */
  dir?: string;
  /** Of each master; 1 unless given. A single server has none. */
  replicas?: number;
  /** For everybody: clients, replicas and Sentinels. */
  password?: string;
  /** By how much the wall clocks of these members are ahead, for tests: see offClock. */
  clocksOffMs?: Readonly<Record<string, number>>;
}

/** Members are killed, frozen and brought back by their `pid` and `restart`. */
export interface RedisTopology {
  readonly kind: RedisKind;
  /** As `ROOKERY_REDIS_URL` takes it. */
  readonly url: string;
  readonly servers: readonly TopologyServer[];
  readonly sentinels: readonly TopologyServer[];
  /**
   * Resolves once all that run make a whole: every slot or the one master is served, replicas follow without a break, and
   * Sentinels know them. Rejects when they do not within the time; one that is frozen is waited for like any other.
   */
  readonly settled: (withinMs?: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** A failover takes 3 to 8 s here; on a busy machine everything takes several times as long. */
const settledWithinMs = 40_000;
const lookEveryMs = 50;

/** Replicas take their first copy at once, instead of waiting 5 s for others who may want it too. */
const replicationLines = { "repl-diskless-sync-delay": "0" };

interface Group {
  readonly servers: KeptServer[];
  readonly sentinels: KeptServer[];
}

interface Starting {
  readonly group: Group;
  readonly names: Names;
  readonly dir: string;
  readonly password: string;
  readonly start: (name: string, role: ServerRole, args?: Record<string, string>) => Promise<KeptServer>;
}

const numbered = (word: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${word}-${n + 1}`);

interface Names {
  readonly servers: readonly string[];
  readonly sentinels: readonly string[];
}

const namesIn: Record<RedisKind, (replicas: number) => Names> = {
  single: () => ({ servers: ["redis"], sentinels: [] }),
  sentinel: (replicas) => ({
    servers: numbered("redis", 1 + replicas),
    sentinels: numbered("sentinel", SENTINELS),
  }),
  cluster: (replicas) => ({ servers: numbered("redis", MASTERS * (1 + replicas)), sentinels: [] }),
};

/** Who there will be, servers first; `replicas` of each master, 1 unless given. */
export const memberNames = (kind: RedisKind, replicas = 1): readonly string[] => {
  const { servers, sentinels } = namesIn[kind](replicas);
  return [...servers, ...sentinels];
};

const until = async (what: string, check: () => Promise<boolean>, withinMs = settledWithinMs): Promise<void> => {
  const deadline = performance.now() + withinMs;
  let fault = "";
  const look = async (): Promise<boolean> => {
    try {
      return await check();
    } catch (error) {
      fault = `: ${String(error)}`; // a member that is down or not reachable now: looked at again
      return false;
    }
  };
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`${what}: still not so after ${withinMs} ms${fault}`);
    await delay(lookEveryMs);
  }
};

const whole: Record<RedisKind, (group: Group) => Promise<boolean>> = {
  single: async ({ servers }) => (await leaderOf(servers)) !== undefined,
  sentinel: async ({ servers, sentinels }) => {
    const master = await leaderOf(servers);
    return master !== undefined && areWatched(master, servers, sentinels);
  },
  cluster: ({ servers }) => isServing(servers),
};

const start: Record<RedisKind, (starting: Starting) => Promise<void>> = {
  single: async ({ names, start: one }) => {
    await Promise.all(names.servers.map((name) => one(name, "master")));
  },
  sentinel: async ({ group, names, dir, password, start: one }) => {
    const first = await formerMaster(dir, names.servers, names.sentinels);
    const { port } = await one(first, "master", replicationLines);
    const following = { ...replicationLines, replicaof: `127.0.0.1 ${port}` };
    await Promise.all(names.servers.filter((name) => name !== first).map((name) => one(name, "replica", following)));
    // A Sentinel looks for replicas at its first look, and then every 10 s only.
    await until("replicas follow", async () => (await leaderOf(group.servers)) !== undefined);
    const watching = sentinelLines(port, password);
    await Promise.all(names.sentinels.map((name) => one(name, "sentinel", watching)));
  },
  cluster: async ({ group, names, start: one }) => {
    const lines = { ...replicationLines, ...clusterLines };
    await Promise.all(names.servers.map((name, n) => one(name, n < MASTERS ? "master" : "replica", lines)));
    await introduce(group.servers);
    await until("all know each other", () => areAcquainted(group.servers));
    await shareOut(group.servers);
  },
};

const addressOf = (kind: RedisKind, { servers, sentinels }: Group, password: string, isTls: boolean): string => {
  const scheme = `${isTls ? "rediss" : "redis"}${kind === "single" ? "" : `+${kind}`}`;
  const login = password === "" ? "" : `:${encodeURIComponent(password)}@`;
  const hosts = (kind === "sentinel" ? sentinels : servers).map(({ port }) => `127.0.0.1:${port}`);
  return `${scheme}://${login}${hosts.join(",")}${kind === "sentinel" ? `/${MASTER_NAME}` : ""}`;
};

/** What the caller asked for on every member, in the words of redis.conf. */
const givenLines = ({ args, password }: RedisTopologyOptions, role: ServerRole): Record<string, string> => {
  if (role === "sentinel") return password === undefined ? {} : { requirepass: password };
  return { ...(password === undefined ? {} : { requirepass: password, masterauth: password }), ...args };
};

/** Starts all members and resolves once they are whole. What fails takes everything down that was started. */
export const startRedisTopology = async (options: RedisTopologyOptions): Promise<RedisTopology> => {
  const { kind, password = "", tls, say, clocksOffMs = {} } = options;
  const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), "rookery-redis-"))));
  // It watches no server. Those who do end theirs meanwhile, so it tries until the folder is gone.
  const temporary = { stopSignal: "TERM", graceMs: 100, folder: dir } as const;
  const folderKeeper = options.dir === undefined ? startKeeper(temporary) : undefined;
  const group: Group = { servers: [], sentinels: [] };
  const stop = async (): Promise<void> => {
    // Sentinels first: nobody is to be promoted on the way out.
    for (const members of [group.sentinels, group.servers]) await Promise.all(members.map((member) => member.stop()));
    await folderKeeper?.end();
  };
  const one: Starting["start"] = async (name, role, args) => {
    const lines = { ...args, ...givenLines(options, role) };
    const instruct = role === "sentinel" ? hasten : () => Promise.resolve();
    const member = await startServer({
      name,
      role,
      instruct,
      options: { dir: join(dir, name), args: lines, tls, say, clockOffMs: clocksOffMs[name] },
    });
    (role === "sentinel" ? group.sentinels : group.servers).push(member);
    return member;
  };
  const settled = (withinMs?: number): Promise<void> => until(`a whole ${kind}`, () => whole[kind](group), withinMs);
  try {
    await start[kind]({ ...{ group, dir, password, start: one }, names: namesIn[kind](options.replicas ?? 1) });
    for (const members of [group.servers, group.sentinels]) members.sort((a, b) => a.name.localeCompare(b.name));
    await settled();
    return { kind, url: addressOf(kind, group, password, tls !== undefined), ...group, settled, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
