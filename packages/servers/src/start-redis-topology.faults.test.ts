// Contract of starting Redis as it is run anywhere. What becomes of it in failovers is held by the testkit's tests.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { ask, fieldsOf } from "./resp.ts";
import type { Reply } from "./resp.ts";
import { startRedisTopology } from "./start-redis-topology.ts";
import type { RedisTopology, RedisTopologyOptions } from "./start-redis-topology.ts";
import { inAnotherProcess, present, running, until } from "./starter.suite.ts";
import type { TopologyServer } from "./topology-server.ts";

const started = async (options: RedisTopologyOptions): Promise<RedisTopology> => {
  const topology = await startRedisTopology(options);
  onTestFinished(topology.stop);
  return topology;
};

const newFolder = async (): Promise<string> => {
  const base = await mkdtemp(join(tmpdir(), "rookery-topology-"));
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  return base;
};

const told = ({ port }: TopologyServer, ...command: string[]): Promise<Reply> =>
  ask({ port, password: "hush", tls: false }, ...command);

const roleOf = async (server: TopologyServer): Promise<string | undefined> =>
  fieldsOf(await told(server, "INFO", "replication")).get("role");

it("a single server is what startRedis starts, under the name `redis`", async () => {
  const { kind, url, servers, sentinels } = await started({ kind: "single", password: "hush" });
  expect([kind, url, sentinels]).toEqual(["single", servers[0]?.url, []]);
  expect(servers.map(({ name, role }) => [name, role])).toEqual([["redis", "master"]]);
});

it("three Sentinels know the master, its replica and each other when the start resolves", async () => {
  const { url, servers, sentinels } = await started({ kind: "sentinel", password: "hush" });
  expect(url).toBe(`redis+sentinel://:hush@${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",")}/rookery`);
  expect(servers.map(({ name, role }) => [name, role])).toEqual([
    ["redis-1", "master"],
    ["redis-2", "replica"],
  ]);
  expect(sentinels.map(({ name }) => name)).toEqual(["sentinel-1", "sentinel-2", "sentinel-3"]);
  for (const sentinel of sentinels) {
    expect(await told(sentinel, "SENTINEL", "CKQUORUM", "rookery")).toMatch(/^OK 3 usable/);
    expect(fieldsOf(await told(sentinel, "INFO", "sentinel")).get("master0")).toMatch(
      /status=ok.*slaves=1,sentinels=3/,
    );
  }
});

it("all slots of three masters are served, each with a replica, when the start resolves", async () => {
  const { url, servers } = await started({ kind: "cluster", password: "hush" });
  expect(url).toBe(`redis+cluster://:hush@${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`);
  expect(await Promise.all(servers.map(roleOf))).toEqual(["master", "master", "master", "slave", "slave", "slave"]);
  for (const server of servers) {
    const state = fieldsOf(await told(server, "CLUSTER", "INFO"));
    expect([state.get("cluster_state"), state.get("cluster_slots_ok")]).toEqual(["ok", "16384"]);
  }
});

it("a group under Sentinel that is started again on its folder is led by who led last, with its data", async () => {
  const dir = await newFolder();
  const first = await started({ kind: "sentinel", password: "hush", dir });
  const [old, successor] = first.servers;
  if (old === undefined || successor === undefined) throw new Error("two servers were asked for");
  process.kill(old.pid, "SIGKILL");
  await until("the replica leads", async () => (await roleOf(successor)) === "master");
  await first.settled();
  await told(successor, "SET", "kept", "yes");
  await first.stop();
  expect((await readdir(dir)).toSorted()).toEqual(["redis-1", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3"]);

  const second = await started({ kind: "sentinel", password: "hush", dir });
  expect(second.servers.map(({ name, role }) => [name, role])).toEqual([
    ["redis-1", "replica"],
    ["redis-2", "master"],
  ]);
  for (const server of second.servers) expect(await told(server, "GET", "kept")).toBe("yes");
});

it("a Cluster that is started again on its folder, at other ports, serves its data", async () => {
  const dir = await newFolder();
  const first = await started({ kind: "cluster", password: "hush", dir });
  const keys = ["{a}", "{b}", "{c}", "{d}"];
  const write = async ({ servers }: RedisTopology, ...command: string[]): Promise<Reply[]> => {
    const answers = servers.slice(0, 3).map((server) => told(server, ...command).catch(() => null));
    return (await Promise.all(answers)).filter((answer) => answer !== null);
  };
  for (const key of keys) expect(await write(first, "SET", key, "yes")).toEqual(["OK"]);
  await first.stop();
  const second = await started({ kind: "cluster", password: "hush", dir });
  expect(second.url).not.toBe(first.url);
  for (const key of keys) expect(await write(second, "GET", key)).toEqual(["yes"]);
});

it("leaves neither processes nor folders when the starter is killed", async () => {
  const found = await inAnotherProcess(
    "startRedisTopology",
    { kind: "sentinel" },
    "({ servers, sentinels }) => ({ dir: servers[0].dir, pids: [...servers, ...sentinels].map(({ pid }) => pid) })",
  );
  const { starter, told: answer } = found;
  if (
    typeof answer !== "object" ||
    answer === null ||
    !("pids" in answer) ||
    !Array.isArray(answer.pids) ||
    !("dir" in answer)
  ) {
    throw new Error("the starter told nothing");
  }
  const pids = answer.pids.map(Number);
  expect(pids.filter(running)).toHaveLength(5);
  process.kill(starter, "SIGKILL");
  await until("all are gone", () => !pids.some(running));
  await until("the folder is gone", async () => !(await present(join(String(answer.dir), ".."))));
});
