// Reaches every server behind a cluster's Redis URL, to spoil what passes between it and the edges. Called by tests that run
// on more than one topology.
import { Cluster, Redis } from "ioredis";
import { eventually } from "@rookery/testkit";

export interface RedisServers {
  /** Ends every subscriber connection there is; answers how many. */
  readonly cutSubscribers: () => Promise<number>;
  readonly close: () => void;
}

const hostsIn = (url: string): { host: string; port: number }[] =>
  [...url.matchAll(/([\w.]+):(\d+)(?=[,/]|$)/g)].map(([, host = "", port]) => ({ host, port: Number(port) }));

const connected = (url: string): Redis | Cluster => {
  if (url.startsWith("redis+cluster:")) return new Cluster(hostsIn(url));
  if (url.startsWith("redis+sentinel:")) return new Redis({ sentinels: hostsIn(url), name: "rookery" });
  return new Redis(url);
};

export async function redisServers(url: string): Promise<RedisServers> {
  const connection = connected(url);
  connection.on("error", () => undefined);
  await eventually(() => connection.status === "ready", { what: "a connection to Redis" });
  return {
    cutSubscribers: async () => {
      const masters = connection instanceof Cluster ? connection.nodes("master") : [connection];
      const counts = await Promise.all(masters.map((master) => master.call("CLIENT", "KILL", "TYPE", "pubsub")));
      return counts.reduce<number>((sum, count) => sum + Number(count), 0);
    },
    close: () => connection.disconnect(),
  };
}
