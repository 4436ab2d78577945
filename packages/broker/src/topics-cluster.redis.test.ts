// The same topics on a Redis Cluster of three masters with replicas, whose subscribers ioredis keeps one a master.
import { eventually, testTopology } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createKeys } from "./keys.ts";
import { clusterSlot, createPartitions } from "./partitions.ts";
import { createPulse } from "./pulse.ts";
import { createTopics } from "./topics.ts";

const topology = await testTopology({ kind: "cluster" });
const { url, servers, clientOf } = topology;
const masters = servers.filter(({ role }) => role === "master");
const partitions = createPartitions(8);
const keys = createKeys(partitions);
const channels = Array.from({ length: 40 }, (_, n) => `room-${n}`);

function connect(use: "commands" | "subscriptions"): RedisConnection {
  return connectRedis({ url, use, commandTimeoutMs: 1_000 });
}

async function startedTopics(probeCame: (partition: number) => void = () => undefined) {
  const events: string[] = [];
  const restored: string[] = [];
  const probes = new Set<number>();
  const topics = createTopics({
    connect: () => connect("subscriptions"),
    keys,
    partitions,
    node: () => "me",
    listener: {
      envelope: () => undefined,
      corrected: () => undefined,
      fleeting: () => undefined,
      control: () => undefined,
      saved: () => undefined,
      probe(partition) {
        probes.add(partition);
        probeCame(partition);
      },
      lost: () => void events.push("lost"),
      restored(names) {
        events.push("restored");
        restored.push(...names);
      },
    },
  });
  onTestFinished(() => topics.close());
  await topics.start();
  await Promise.all(channels.map((channel) => topics.subscribe(channel)));
  return { topics, events, restored, probes };
}

/** Subscribers of every channel, asked of whoever serves it. */
async function audiences(): Promise<unknown[]> {
  const commands = connect("commands");
  try {
    await whenReady(commands, 5_000);
    return await Promise.all(channels.map((channel) => commands.spublish(keys.channel(channel).topic, "")));
  } finally {
    commands.disconnect();
  }
}

const replidOf = (info: string): string | undefined => /master_replid:(\w+)/.exec(info)?.[1];

const everyChannel = channels.map(() => 1);

it("topics are acknowledged on whichever master serves them, and probed there", async () => {
  const { probes, topics } = await startedTopics((partition) => pulse.probe(partition));
  expect(await audiences()).toEqual(everyChannel);
  const connection = connect("commands");
  await whenReady(connection, 5_000);
  const missed: number[] = [];
  const failures: unknown[] = [];
  const servedBy = new Map<number, string>();
  const pulse = createPulse({
    connection,
    keys,
    partitions,
    node: () => "me",
    everyMs: 60,
    watched: () => Array.from({ length: partitions.count }, (_, partition) => partition),
    channels: (partition) => channels.filter((channel) => partitions.of(channel) === partition),
    on: {
      report: ({ partition, serving }) => void servedBy.set(partition, serving),
      missed: (count) => void missed.push(count),
      failed: (_partition, error) => void failures.push(error),
    },
  });
  onTestFinished(() => {
    pulse.stop();
    connection.disconnect();
  });
  pulse.start();
  await eventually(() => probes.size === partitions.count);
  expect([missed, failures]).toEqual([[], []]);
  const served = Array.from({ length: partitions.count }, (_, partition) => servedBy.get(partition));
  const replids = await Promise.all(
    masters.map(async (master) => replidOf(await clientOf(master).info("replication"))),
  );
  const owners = await Promise.all(served.map((_, partition) => topology.masterOf(keys.partition(partition).part)));
  expect(served.map((replid) => replids.indexOf(replid))).toEqual(owners.map((owner) => masters.indexOf(owner)));
  await Promise.all(channels.map((channel) => topics.unsubscribe(channel)));
  expect(await audiences()).toEqual(channels.map(() => 0));
});

it("the loss of one master's subscriber alone is noticed and everything restored", async () => {
  const { events, restored } = await startedTopics();
  const one = await topology.masterOf(keys.partition(0).part);
  await clientOf(one).call("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => events.join() === "lost,restored");
  expect(restored.toSorted()).toEqual(channels.toSorted());
  expect(await audiences()).toEqual(everyChannel);
});

it("a partition that moves to another master is subscribed there", async () => {
  const { events } = await startedTopics();
  const slot = clusterSlot(partitions.tag(0));
  const from = await topology.masterOf(keys.partition(0).part);
  const to = masters.find((master) => master !== from) ?? from;
  const owner = String(await clientOf(to).call("CLUSTER", "MYID"));
  for (const node of [to, from]) await clientOf(node).call("CLUSTER", "SETSLOT", slot, "NODE", owner);
  await eventually(() => events.join().endsWith("restored"));
  await eventually(async () => (await audiences()).every((count) => count === 1));
  expect(events[0]).toBe("lost");
});
