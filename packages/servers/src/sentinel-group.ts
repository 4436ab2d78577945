// A master with replicas, watched by Sentinels: how they are configured, who leads at a start on kept data, and when the
// group is whole. Called by start-redis-topology.ts.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, fieldsOf, talk } from "./resp.ts";
import type { KeptServer } from "./topology-server.ts";

/** The name that Sentinels know the group by. */
export const MASTER_NAME = "rookery";

/** Of three Sentinels two must agree. */
export const SENTINELS = 3;
const quorum = 2;

/** A master that is silent for so long is replaced. Shorter, and a busy machine replaces one that only had to wait. */
const downAfterMs = 2_000;
/** A failover that got nowhere is tried again after twice this. */
const failoverTimeoutMs = 5_000;

export const sentinelLines = (masterPort: number, password: string): Record<string, string> => ({
  "sentinel monitor": `${MASTER_NAME} 127.0.0.1 ${masterPort} ${quorum}`,
  "sentinel down-after-milliseconds": `${MASTER_NAME} ${downAfterMs}`,
  "sentinel failover-timeout": `${MASTER_NAME} ${failoverTimeoutMs}`,
  ...(password === ""
    ? {}
    : { "sentinel auth-pass": `${MASTER_NAME} ${password}`, "sentinel sentinel-pass": password }),
});

/**
 * How often Sentinels look and talk, which no configuration tells them. With 10 s between two looks at a server, as it is
 * otherwise, a master that comes back would be told after 20 s that it leads no more. A Sentinel that was not scheduled for
 * the tilt trigger stops acting for 30 s: on a busy machine that is no sign of a clock gone wrong.
 */
const paceMs = {
  "info-period": 1_000,
  "publish-period": 500,
  "ask-period": 500,
  "ping-period": 500,
  "min-link-reconnect-period": 2_000,
  "tilt-trigger": 10_000,
};

export const hasten = (door: KeptServer["door"]): Promise<unknown> =>
  ask(door, "SENTINEL", "DEBUG", ...Object.entries(paceMs).flatMap(([name, ms]) => [name, String(ms)]));

/** Which server led when this folder was left, by what the Sentinels wrote down last; the first one where nobody did. */
export const formerMaster = async (dir: string, servers: readonly string[], sentinels: readonly string[]) => {
  const kept = async (...path: string[]): Promise<string> => readFile(join(dir, ...path), "utf8").catch(() => "");
  const notes = await Promise.all(sentinels.map((name) => kept(name, "redis.conf")));
  const seen = notes.map((text) => ({
    port: Number(new RegExp(`^sentinel monitor ${MASTER_NAME} \\S+ (\\d+)`, "m").exec(text)?.[1]),
    epoch: Number(new RegExp(`^sentinel config-epoch ${MASTER_NAME} (\\d+)`, "m").exec(text)?.[1] ?? -1),
  }));
  const last = seen.toSorted((a, b) => b.epoch - a.epoch)[0];
  const ports = await Promise.all(
    servers.map(async (name) => Number(/"port":(\d+)/.exec(await kept(name, "server.json"))?.[1])),
  );
  return servers[Math.max(ports.indexOf(last?.port ?? 0), 0)] ?? "";
};

/** Whether the replicas of a master that run follow it without a break. */
const isFollowed = async (master: KeptServer, replicas: readonly KeptServer[]): Promise<boolean> => {
  const seen = fieldsOf(await ask(master.door, "INFO", "replication"));
  const online = [...seen.values()].filter((value) => value.includes("state=online"));
  if (seen.get("role") !== "master" || online.length < replicas.length) return false;
  const looks = await Promise.all(replicas.map(async ({ door }) => fieldsOf(await ask(door, "INFO", "replication"))));
  return looks.every(
    (look) =>
      look.get("role") === "slave" &&
      look.get("master_port") === String(master.port) &&
      look.get("master_link_status") === "up",
  );
};

/** The one master, if the replicas follow it; undefined while that is not so. */
export const leaderOf = async (servers: readonly KeptServer[]): Promise<KeptServer | undefined> => {
  const living = servers.filter(({ isOver }) => !isOver);
  const roles = await Promise.all(
    living.map(async ({ door }) => fieldsOf(await ask(door, "INFO", "replication")).get("role")),
  );
  const [master, second] = living.filter((_, n) => roles[n] === "master");
  if (master === undefined || second !== undefined) return undefined;
  const replicas = living.filter((server) => server !== master);
  return (await isFollowed(master, replicas)) ? master : undefined;
};

/** Whether every Sentinel that runs knows the master, its replicas and the other Sentinels, and could replace it. */
export const areWatched = async (
  master: KeptServer,
  servers: readonly KeptServer[],
  sentinels: readonly KeptServer[],
): Promise<boolean> => {
  const replicas = servers.filter((server) => server !== master && !server.isOver).map(({ port }) => String(port));
  const living = sentinels.filter(({ isOver }) => !isOver);
  const views = await Promise.all(living.map(({ door }) => viewOf(door)));
  return views.every(
    (view) =>
      view.master === String(master.port) &&
      view.others >= living.length - 1 &&
      replicas.every((port) => view.replicas.includes(port)),
  );
};

/** What one Sentinel sees: the port of the master, those of replicas that are well, and how many others it knows. */
const viewOf = async (door: KeptServer["door"]) => {
  const [master, replicas, others] = await talk(door, [
    ["SENTINEL", "MASTER", MASTER_NAME],
    ["SENTINEL", "REPLICAS", MASTER_NAME],
    ["SENTINEL", "SENTINELS", MASTER_NAME],
  ]);
  const known = recordsOf(replicas).filter(
    (replica) => replica.get("flags") === "slave" && replica.get("master-link-status") === "ok",
  );
  const led = recordsOf([master ?? null])[0];
  return {
    master: led?.get("flags") === "master" ? led.get("port") : undefined,
    replicas: known.map((replica) => replica.get("port")),
    others: recordsOf(others).filter((other) => other.get("flags") === "sentinel").length,
  };
};

/** Sentinel answers with lists of name, value, name, value. */
const recordsOf = (reply: unknown): Map<unknown, unknown>[] =>
  (Array.isArray(reply) ? reply : []).map((record: unknown) => {
    const words: unknown[] = Array.isArray(record) ? record : [];
    return new Map(words.flatMap((word, n) => (n % 2 === 0 ? [[word, words[n + 1]] as const] : [])));
  });
