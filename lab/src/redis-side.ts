// Owns the Redis of a lab's cluster, whatever it is made of: its servers, each of which dies and comes back where it was, and
// a plain client past every proxy to each. Called by world.ts, and by faults through it.
// States: whole, with members that are dead or frozen, stopped. Must never ask the product's own code who leads.
import { join } from "node:path";
import { keepLog, startRedis, startRedisTopology } from "@rookery/servers";
import type { RedisKind, TopologyServer } from "@rookery/servers";
import { eventually } from "@rookery/testkit";
import { Redis } from "ioredis";
import { keepServer } from "./kept-server.ts";

export type Topology = RedisKind;

export interface RedisMember {
  readonly name: string;
  readonly url: string;
  /** Where its data is. */
  readonly dir: string;
  /** To this one server alone; it reconnects by itself. */
  readonly admin: Redis;
  readonly pid: () => number;
  /** Ends it at once; resolves when it is gone. */
  readonly kill: () => Promise<void>;
  /** Brings it back where it was; nothing when it runs. */
  readonly revive: () => Promise<void>;
}

export interface RedisSide {
  /** As a setting takes it. */
  readonly url: string;
  readonly members: readonly RedisMember[];
  /** How many there are when all is well. */
  readonly mastersCount: number;
  /** Those who call themselves so and answer. */
  readonly masters: () => Promise<RedisMember[]>;
  /** Resolves once all that run make a whole. */
  readonly settled: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const ANSWERS_WITHIN_MS = 1_000;
const SETTLED_WITHIN_MS = 60_000;
/** A Cluster has so many of them. */
const MASTERS: Readonly<Record<Topology, number>> = { single: 1, sentinel: 1, cluster: 3 };

/** What each server and Sentinel says is in `<name>.log` of the folder `logs`. */
export async function startRedisSide(topology: Topology, logs: string): Promise<RedisSide> {
  const { url, members, settled, stop } = await (topology === "single" ? startAlone(logs) : startGroup(topology, logs));
  const masters = async (): Promise<RedisMember[]> => {
    const roles = await Promise.all(members.map(({ admin }) => roleOf(admin)));
    return members.filter((_, n) => roles[n] === "master");
  };
  return {
    ...{ url, members, masters },
    mastersCount: MASTERS[topology],
    settled: async () => {
      await settled();
      await eventually(async () => (await masters()).length === MASTERS[topology], {
        ...{ withinMs: SETTLED_WITHIN_MS, what: "as many masters as there should be" },
      });
    },
    stop: async () => {
      for (const { admin } of members) admin.disconnect();
      await stop();
    },
  };
}

type Started = Pick<RedisSide, "url" | "members" | "settled" | "stop">;

/** On a port that it finds free again after its death. */
async function startAlone(logs: string): Promise<Started> {
  const server = await keepServer("redis", logs, (where) => startRedis({ ...where }));
  const { name, url, dir, pid, kill, revive, stop } = server;
  const settled = (): Promise<void> => Promise.resolve();
  return { url, settled, stop, members: [{ name, url, dir, pid, kill, revive, admin: adminOf(url) }] };
}

async function startGroup(kind: Exclude<Topology, "single">, logs: string): Promise<Started> {
  const group = await startRedisTopology({ kind });
  const logOf = ({ name }: TopologyServer): string => join(logs, `${name}.log`);
  for (const one of [...group.servers, ...group.sentinels]) keepLog(one.process, logOf(one));
  const memberOf = (server: TopologyServer): RedisMember => ({
    ...{ name: server.name, url: server.url, dir: server.dir, admin: adminOf(server.url) },
    pid: () => server.pid,
    kill: async () => {
      if (!server.isOver) process.kill(server.pid, "SIGKILL");
      await server.process.exited;
    },
    revive: async () => {
      if (server.isOver) keepLog(await server.restart(), logOf(server));
    },
  });
  const members = group.servers.map(memberOf);
  return { url: group.url, members, stop: group.stop, settled: () => group.settled(SETTLED_WITHIN_MS) };
}

/** Of a frozen server no answer is waited for long. */
function adminOf(url: string): Redis {
  const admin = new Redis(url, { retryStrategy: () => 200, maxRetriesPerRequest: 1 });
  // It goes away on purpose.
  admin.on("error", () => undefined);
  return admin;
}

/** Undefined for one that does not answer in time. */
async function roleOf(admin: Redis): Promise<string | undefined> {
  const late = new Promise<undefined>((resolve) => {
    setTimeout(() => resolve(undefined), ANSWERS_WITHIN_MS).unref();
  });
  const told = admin.info("replication").then(
    (text) => /role:(\w+)/.exec(text)?.[1],
    () => undefined,
  );
  return Promise.race([told, late]);
}
