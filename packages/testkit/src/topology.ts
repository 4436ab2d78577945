// Owns the private Redis topology of one test file: who leads in it, a plain client on each server, failovers. Called at the
// top of test files. States: whole, or whatever the test made of it; `settled` waits until it is whole again.
// Must never be shared between files: they kill, freeze and empty its servers.
import { startRedisTopology } from "@rookery/servers";
import type { RedisTopology, RedisTopologyOptions, TopologyServer } from "@rookery/servers";
import { Redis } from "ioredis";
import { afterAll } from "vitest";
import { eventually } from "./eventually.ts";

/** Ordered: as an operator asks for it, at a replica or a Sentinel. The others happen to the master. */
export type FailoverCause = "ordered" | "killed" | "frozen";

export interface Failover {
  /** Who led before. Killed, it is brought back by `restart`; frozen, it is woken with SIGCONT. */
  readonly old: TopologyServer;
  readonly now: TopologyServer;
}

export interface TestTopology extends RedisTopology {
  /** Who leads for a key, by the word of those who decide it (Sentinels, the other nodes); the one server of a single. */
  readonly masterOf: (key: string) => Promise<TopologyServer>;
  /** A client of one server, for looking at it and for injecting faults. It reconnects by itself. */
  readonly clientOf: (server: TopologyServer) => Redis;
  /** Has the master of a key replaced and resolves once another one leads; the topology need not be whole then. */
  readonly failover: (key: string, cause: FailoverCause) => Promise<Failover>;
}

/** A frozen server does not answer a look. */
const lookWithinMs = 1_000;
const failoverWithinMs = 40_000;

const createClients = (): { of: (server: TopologyServer) => Redis; close: () => void } => {
  const clients = new Map<string, Redis>();
  const open = ({ url }: TopologyServer): Redis => {
    // Loopback servers of a test show certificates of a test.
    const tls = url.startsWith("rediss:") ? { tls: { rejectUnauthorized: false } } : {};
    const client = new Redis(url, { ...tls, commandTimeout: lookWithinMs, retryStrategy: () => 50 });
    // Tests kill servers on purpose; without a listener each lost connection would be printed.
    client.on("error", () => undefined);
    return client;
  };
  return {
    of: (server) => {
      const client = clients.get(server.name) ?? open(server);
      clients.set(server.name, client);
      return client;
    },
    close: () => clients.forEach((client) => client.disconnect()),
  };
};

type ClientOf = TestTopology["clientOf"];
type Asking = (topology: RedisTopology, clientOf: ClientOf, key: string) => Promise<TopologyServer | undefined>;

/** The first of `answers` that is there; servers that are down or frozen say nothing. */
const firstAnswer = async <T>(answers: Promise<T | undefined>[]): Promise<T | undefined> => {
  const settled = await Promise.allSettled(answers);
  return settled.flatMap((one) => (one.status === "fulfilled" && one.value !== undefined ? [one.value] : []))[0];
};

/** A node's line about itself, when it leads for the slot, with the epoch of its claim. */
const claimOf = async (client: Redis, slot: number): Promise<number | undefined> => {
  const lines = String(await client.call("CLUSTER", "NODES")).split("\n");
  const [, , flags = "", , , , epoch, , ...ranges] = lines.find((line) => line.includes("myself"))?.split(" ") ?? [];
  const holds = ranges.some((range) => {
    const [from = -1, to = from] = range.split("-").map(Number);
    return slot >= from && slot <= to;
  });
  return flags.includes("master") && holds ? Number(epoch) : undefined;
};

const leaders: Record<RedisTopology["kind"], Asking> = {
  single: ({ servers }) => Promise.resolve(servers[0]),
  sentinel: async ({ servers, sentinels }, clientOf) => {
    const port = await firstAnswer(
      sentinels
        .filter(({ isOver }) => !isOver)
        .map(async (one) => {
          const address = await clientOf(one).call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "rookery");
          return Array.isArray(address) ? Number(address[1]) : undefined;
        }),
    );
    return servers.find((server) => server.port === port);
  },
  cluster: async ({ servers }, clientOf, key) => {
    const living = servers.filter(({ isOver }) => !isOver);
    const slot = await firstAnswer(living.map((one) => clientOf(one).cluster("KEYSLOT", key)));
    const claims = await Promise.allSettled(living.map((one) => claimOf(clientOf(one), slot ?? 0)));
    const epochs = claims.map((claim) => (claim.status === "fulfilled" ? (claim.value ?? -1) : -1));
    const newest = Math.max(...epochs);
    return newest < 0 ? undefined : living[epochs.indexOf(newest)];
  },
};

/** The replica of a master that is asked to take over. */
const replicaOf = async (topology: RedisTopology, clientOf: ClientOf, master: TopologyServer): Promise<Redis> => {
  for (const server of topology.servers) {
    if (server.isOver || server === master) continue;
    const info = await clientOf(server).info("replication");
    if (info.includes("role:slave") && info.includes(`master_port:${master.port}\r\n`)) return clientOf(server);
  }
  throw new Error(`${master.name} has no replica`);
};

const order = async (topology: RedisTopology, clientOf: ClientOf, master: TopologyServer): Promise<void> => {
  if (topology.kind === "cluster") {
    await (await replicaOf(topology, clientOf, master)).call("CLUSTER", "FAILOVER");
    return;
  }
  const sentinel = topology.sentinels.find(({ isOver }) => !isOver);
  if (sentinel === undefined) throw new Error(`a ${topology.kind} has nobody who could replace its master`);
  await clientOf(sentinel).call("SENTINEL", "FAILOVER", "rookery");
};

/**
 * Starts a topology and stops it after the file's last test. Call it at the top level of a test file:
 * `const redis = await testTopology({ kind: "cluster" });`. Servers keep nothing on disk (`appendonly no`)
 * unless `args` says so.
 */
export const testTopology = async (options: RedisTopologyOptions): Promise<TestTopology> => {
  const topology = await startRedisTopology({ ...options, args: { appendonly: "no", ...options.args } });
  const clients = createClients();
  afterAll(async () => {
    clients.close();
    await topology.stop();
  });
  const lead = (key: string): Promise<TopologyServer | undefined> => leaders[topology.kind](topology, clients.of, key);
  const masterOf = (key: string): Promise<TopologyServer> =>
    eventually(async () => (await lead(key)) ?? false, { what: `a master for ${key}`, withinMs: failoverWithinMs });
  return {
    ...topology,
    masterOf,
    clientOf: clients.of,
    failover: async (key, cause) => {
      if (topology.kind === "single") throw new Error("a single server has nobody who could replace it");
      const old = await masterOf(key);
      if (cause === "ordered") await order(topology, clients.of, old);
      else process.kill(old.pid, cause === "killed" ? "SIGKILL" : "SIGSTOP");
      const now = await eventually(
        async () => {
          const led = await lead(key);
          return led !== undefined && led !== old && led;
        },
        { what: `another master for ${key}`, withinMs: failoverWithinMs, everyMs: 50 },
      );
      return { old, now };
    },
  };
};
