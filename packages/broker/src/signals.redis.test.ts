// Contract of signals: they reach whoever listens, on one server and on a Cluster, and cost nobody anything where they do not.
import { eventually, testRedis } from "@rookery/testkit";
import type { TestRedis } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { connectRedis, isReady, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { FleetingEnvelope } from "./envelope.ts";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";
import { createSignals } from "./signals.ts";
import { createTopics } from "./topics.ts";

const partitions = createPartitions(8);
const keys = createKeys(partitions);
const channels = Array.from({ length: 20 }, (_, n) => `room-${n}`);
const FRAME = '{"type":"typing","name":"Zoë"}';

function connect(url: string, use: "commands" | "subscriptions"): RedisConnection {
  const connection = connectRedis({ url, use, commandTimeoutMs: 1_000 });
  onTestFinished(() => connection.disconnect());
  return connection;
}

async function twoMasters(): Promise<string> {
  const args = { "cluster-enabled": "yes", "cluster-node-timeout": "2000" };
  const nodes = await Promise.all([testRedis({ args }), testRedis({ args })]);
  const [left, right] = nodes;
  await left.redis.call("CLUSTER", "ADDSLOTSRANGE", 0, 8_191);
  await right.redis.call("CLUSTER", "ADDSLOTSRANGE", 8_192, 16_383);
  await left.redis.call("CLUSTER", "MEET", "127.0.0.1", right.port);
  const isFormed = async ({ redis }: TestRedis): Promise<boolean> => {
    const state = String(await redis.call("CLUSTER", "INFO"));
    return state.includes("cluster_state:ok") && state.includes("cluster_known_nodes:2");
  };
  await eventually(async () => (await Promise.all(nodes.map(isFormed))).every(Boolean));
  return `redis+cluster://127.0.0.1:${left.port},127.0.0.1:${right.port}`;
}

const notAsked = (): void => undefined;

it.each([
  ["one server", async () => (await testRedis()).url],
  ["a Cluster", twoMasters],
])("on %s a signal reaches every edge that listens, with the session that must not get it", async (_what, start) => {
  const url = await start();
  const heard: [string, FleetingEnvelope["kind"], string, string][] = [];
  const topics = createTopics({
    connect: () => connect(url, "subscriptions"),
    ...{ keys, partitions, node: () => "me" },
    listener: {
      ...{
        envelope: notAsked,
        corrected: notAsked,
        control: notAsked,
        saved: notAsked,
        probe: notAsked,
        lost: notAsked,
        restored: notAsked,
      },
      fleeting: (channel, { kind, exclude, frame }) =>
        void heard.push([channel, kind, exclude, Buffer.from(frame).toString()]),
    },
  });
  onTestFinished(() => topics.close());
  await topics.start();
  await Promise.all(channels.map((channel) => topics.subscribe(channel)));
  const commands = connect(url, "commands");
  await whenReady(commands, 5_000);

  const signals = createSignals({ connection: commands, keys });
  for (const channel of channels) signals.send(channel, "typing", "session-1", FRAME);
  await expect.poll(() => heard.length).toBe(channels.length);
  expect(new Set(heard.map(([channel]) => channel))).toEqual(new Set(channels));
  expect(new Set(heard.map(([, ...rest]) => rest.join(" ")))).toEqual(new Set([`typing session-1 ${FRAME}`]));
});

it("while Redis is away signals are forgotten, and those after it are sent again", async () => {
  const server = await testRedis();
  const connection = connect(server.url, "commands");
  await whenReady(connection, 5_000);
  const { send } = createSignals({ connection, keys });
  let calls = 0;
  await server.redis.config("RESETSTAT");
  connection.disconnect(true);
  await expect.poll(() => isReady(connection), { interval: 1 }).toBe(false);
  for (let n = 0; n < 2_000; n += 1) send("lobby", "typing", "", FRAME);
  await whenReady(connection, 5_000);
  send("lobby", "typing", "", FRAME);
  await eventually(async () => {
    const stats = await server.redis.info("commandstats");
    calls = Number(/cmdstat_spublish:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    return calls > 0;
  });
  expect(calls).toBe(1);
});
