// Contract of a test file's own topology: who leads in it, and how another comes to lead.
import { expect, it } from "vitest";
import { eventually } from "./eventually.ts";
import { testTopology } from "./topology.ts";

const [single, sentinel, cluster] = await Promise.all([
  testTopology({ kind: "single" }),
  testTopology({ kind: "sentinel" }),
  testTopology({ kind: "cluster" }),
]);

it("a single server leads for every key, and nobody replaces it", async () => {
  const master = await single.masterOf("key");
  expect(master.name).toBe("redis");
  expect(await single.clientOf(master).ping()).toBe("PONG");
  await expect(single.failover("key", "killed")).rejects.toThrow(/nobody who could replace/);
});

it("Sentinels name the one master, and another after each kind of failover", async () => {
  const first = await sentinel.masterOf("key");
  expect(first.name).toBe("redis-1");
  await sentinel.clientOf(first).set("key", "kept");

  const ordered = await sentinel.failover("key", "ordered");
  expect([ordered.old.name, ordered.now.name]).toEqual(["redis-1", "redis-2"]);
  await sentinel.settled();
  expect(await sentinel.clientOf(ordered.now).get("key")).toBe("kept");

  const killed = await sentinel.failover("key", "killed");
  expect([killed.old.name, killed.now.name]).toEqual(["redis-2", "redis-1"]);
  await sentinel.settled();
  const before = killed.old.pid;
  await killed.old.restart();
  expect(killed.old.pid).not.toBe(before);
  await sentinel.settled();
  expect(await sentinel.clientOf(killed.old).role()).toContain("slave");
});

it("each key of a Cluster has a master, whose replica takes over when it is killed, and frozen", async () => {
  const keys = ["{a}", "{b}", "{c}", "{d}", "{e}", "{f}", "{g}", "{h}"];
  const masters = await Promise.all(keys.map((key) => cluster.masterOf(key)));
  expect(new Set(masters.map(({ role }) => role))).toEqual(new Set(["master"]));
  expect(new Set(masters.map(({ name }) => name)).size).toBe(3);
  const [master] = masters;
  if (master === undefined) throw new Error("no master");
  await cluster.clientOf(master).set("{a}", "kept");

  const killed = await cluster.failover("{a}", "killed");
  expect(killed.old).toBe(master);
  expect(killed.now.role).toBe("replica");
  await killed.old.restart();
  await cluster.settled();
  await eventually(async () => (await cluster.clientOf(killed.now).get("{a}")) === "kept");

  const frozen = await cluster.failover("{a}", "frozen");
  expect([frozen.old, frozen.now]).toEqual([killed.now, killed.old]);
  process.kill(frozen.old.pid, "SIGCONT");
  await cluster.settled();
  const back = await cluster.failover("{a}", "ordered");
  expect(back.now).toBe(frozen.old);
});
