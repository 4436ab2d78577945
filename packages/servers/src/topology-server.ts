// One server or Sentinel of a topology, which may be killed and come back where it was. Made by start-redis-topology.ts.
// States: running, over (its process ended, for whatever reason), running again.
// Must never write its configuration a second time: what Redis has noted there itself (whose replica it is, which servers
// it watches) is what it comes back with, as anywhere.
import { launchRedis } from "./start-redis.ts";
import type { LaunchOptions, RunningServer } from "./start-redis.ts";
import type { Door } from "./resp.ts";

/** What it was started as; a failover changes what a server does, and not this. */
export type ServerRole = "master" | "replica" | "sentinel";

export interface TopologyServer {
  /** `redis-1`, `sentinel-1`; a single server is `redis`. */
  readonly name: string;
  readonly role: ServerRole;
  readonly port: number;
  /** For a client of this one server. */
  readonly url: string;
  readonly dir: string;
  /** Of the process that runs, or ran last. */
  readonly pid: number;
  /** The process itself: how it ended, what it said. */
  readonly process: RunningServer;
  readonly isOver: boolean;
  /** Ends it if it runs, in order, and starts it on its port, its data and the configuration as it was left. */
  restart: () => Promise<RunningServer>;
}

export interface KeptServer extends TopologyServer {
  readonly door: Door;
  stop: () => Promise<void>;
}

export interface ServerPlan {
  readonly name: string;
  readonly role: ServerRole;
  readonly options: LaunchOptions;
  /** What it must be told at each start, since it does not write it down. */
  readonly instruct: (door: Door) => Promise<unknown>;
}

export const startServer = async ({ name, role, options, instruct }: ServerPlan): Promise<KeptServer> => {
  const doorAt = (port: number): Door => {
    return { port, password: options.args?.["requirepass"] ?? "", tls: options.tls !== undefined };
  };
  const launch = async (more: LaunchOptions): Promise<{ server: RunningServer; isOver: boolean }> => {
    const server = await launchRedis({ ...options, sentinel: role === "sentinel", ...more });
    const now = { server, isOver: false };
    void server.exited.then(() => {
      now.isOver = true;
    });
    await instruct(doorAt(server.port));
    return now;
  };
  let current = await launch({});
  const { port, url, dir } = current.server;
  return {
    ...{ name, role, port, url, dir, door: doorAt(port) },
    get pid() {
      return current.server.pid;
    },
    get process() {
      return current.server;
    },
    get isOver() {
      return current.isOver;
    },
    restart: async () => {
      await current.server.stop();
      current = await launch({ port, keepConfig: true });
      return current.server;
    },
    stop: () => current.server.stop(),
  };
};
