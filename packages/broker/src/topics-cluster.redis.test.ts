// The same topics on a Redis Cluster of two masters, whose subscribers ioredis keeps one a master.
import { eventually, testRedis } from "@rookery/testkit";
import type { TestRedis } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createKeys } from "./keys.ts";
import { clusterSlot, createPartitions } from "./partitions.ts";
import { createPulse } from "./pulse.ts";
import { createTopics } from "./topics.ts";

const [left, right] = await Promise.all([oneNode(), oneNode()]);
const url = `redis+cluster://127.0.0.1:${left.port},127.0.0.1:${right.port}`;
const partitions = createPartitions(8);
const keys = createKeys(partitions);
const channels = Array.from({ length: 40 }, (_, n) => `room-${n}`);

await left.redis.call("CLUSTER", "ADDSLOTSRANGE", 0, 8_191);
await right.redis.call("CLUSTER", "ADDSLOTSRANGE", 8_192, 16_383);
await left.redis.call("CLUSTER", "MEET", "127.0.0.1", right.port);
for (const node of [left, right]) {
  await eventually(async () => {
    const state = String(await node.redis.call("CLUSTER", "INFO"));
    return state.includes("cluster_state:ok") && state.includes("cluster_known_nodes:2");
  });
}

function oneNode(): Promise<TestRedis> {
  return testRedis({ args: { "cluster-enabled": "yes", "cluster-node-timeout": "2000" } });
}

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
      signal: () => undefined,
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
  const replids = await Promise.all([left, right].map(async ({ redis }) => replidOf(await redis.info("replication"))));
  expect(served.map((replid) => replids.indexOf(replid))).toEqual(
    served.map((_, partition) => (clusterSlot(partitions.tag(partition)) < 8_192 ? 0 : 1)),
  );
  await Promise.all(channels.map((channel) => topics.unsubscribe(channel)));
  expect(await audiences()).toEqual(channels.map(() => 0));
});

it("the loss of one master's subscriber alone is noticed and everything restored", async () => {
  const { events, restored } = await startedTopics();
  await left.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await eventually(() => events.join() === "lost,restored");
  expect(restored.toSorted()).toEqual(channels.toSorted());
  expect(await audiences()).toEqual(everyChannel);
});

it("a partition that moves to another master is subscribed there", async () => {
  const { events } = await startedTopics();
  const slots = Array.from({ length: partitions.count }, (_, partition) => clusterSlot(partitions.tag(partition)));
  const slot = slots.find((one) => one < 8_192) ?? 0;
  const owner = String(await right.redis.call("CLUSTER", "MYID"));
  for (const node of [right, left]) await node.redis.call("CLUSTER", "SETSLOT", slot, "NODE", owner);
  await eventually(() => events.join().endsWith("restored"));
  await eventually(async () => (await audiences()).every((count) => count === 1));
  expect(events[0]).toBe("lost");
});
