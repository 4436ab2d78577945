// Owns the faults that meet messages on their way in groups, on two edges before one Redis: an answer that is lost in the middle,
// a group that comes too late, a channel that is cold among others, an edge killed between its run and the answer.
// Every one of them is judged by the checker over the histories of all clients.
import { startRedis } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import { eventually, startCluster, startProxy } from "@rookery/testkit";
import type { ChatClient, Cluster, Proxy } from "@rookery/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";
import type { Speaker, Talk } from "./talk.ts";

const CHANNELS = Array.from({ length: 16 }, (_, n) => `group-${n}`);
const CLIENTS = 6;
/** Of one client in one channel at the same time. */
const AT_ONCE = 3;
const PARTITIONS = 2;
/** Longer than this without an answer is unknown, and acts no more. */
const COMMAND_TIMEOUT_MS = 800;

let server: RunningServer;
let way: Proxy;
/** Past the proxy. */
let redis: Redis;
let cluster: Cluster;
const clients: ChatClient[] = [];

beforeAll(async () => {
  server = await startRedis();
  way = await startProxy({ target: server.url });
  redis = new Redis(server.url);
  cluster = await startCluster({
    edges: 2,
    redisUrl: way.url(),
    set: {
      ...UNHURRIED,
      ROOKERY_PARTITIONS: String(PARTITIONS),
      ROOKERY_COMMAND_TIMEOUT_MS: String(COMMAND_TIMEOUT_MS),
    },
  });
  for (let n = 0; n < CLIENTS; n += 1) {
    const client = await cluster.client(`user-${n}`, { edge: n % 2, reconnecting: { urls: cluster.ready.ws } });
    clients.push(client);
    await Promise.all(CHANNELS.map((channel) => client.join(channel)));
  }
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await cluster?.stop();
  redis?.disconnect();
  await way?.close();
  await server?.stop();
});

/** Replies to runs; each keeps the partition waiting for its deadline. */
const MOST_LOST = 8;

/** Everybody speaks in four channels, and three times at once in each. */
function speakers(): Speaker[] {
  return clients.flatMap((client, n) =>
    [0, 1, 2, 3].flatMap((at) => {
      const channel = CHANNELS[(4 * n + at) % CHANNELS.length] ?? "";
      return Array.from({ length: AT_ONCE }, () => ({ client, channel }));
    }),
  );
}

/** Talks, with the fault in the middle of it, and judges all that was said. */
async function talkThrough(fault: (talk: Talk) => Promise<void>): Promise<Talk> {
  const talk = startTalk(speakers(), { paceMs: 10 });
  const more = async (count: number): Promise<void> => {
    const before = talk.acknowledged();
    await eventually(() => talk.acknowledged() > before + count, { what: `${count} more acknowledged` });
  };
  await more(200);
  await fault(talk);
  await more(200);
  await talk.end();
  await expectPromisesKept({ cluster, talk, clients });
  return talk;
}

/** Refused as unknown by either edge so far; a client then repeats by itself. */
async function unknowns(): Promise<number> {
  const metrics = await Promise.all(["edge-1", "edge-2"].map((edge) => cluster.metrics(edge)));
  return metrics.reduce((sum, each) => sum + (each.get('rookery_edge_refusals_total{code="unknown"}') ?? 0), 0);
}

const codesOf = ({ said }: Talk): Set<unknown> => new Set(said.map(({ reply }) => reply?.code ?? reply?.type));

/** Mean over all runs of an edge. */
async function messagesARun(edge: string): Promise<number> {
  const metrics = await cluster.metrics(edge);
  const read = (what: string): number => metrics.get(`rookery_process_run_messages_${what}`) ?? Number.NaN;
  return read("sum") / read("count");
}

it("messages go in groups, and an answer that is lost in the middle of one leaves each of it unknown and once", async () => {
  let lost = 0;
  await talkThrough(async () => {
    // Until one of them answered for several: a quick Redis is sent messages alone too.
    while (lost < 3 || (lost < MOST_LOST && (await unknowns()) <= lost)) {
      await way.loseNextReply((bytes) => bytes.includes("$2\r\nok\r\n:"));
      lost += 1;
    }
  });
  expect(await unknowns()).toBeGreaterThan(lost);
  expect(await messagesARun("edge-1")).toBeGreaterThan(1.5);
});

it("a Redis that stands still for longer than a deadline does nothing of what waited in it", async () => {
  const before = await unknowns();
  await talkThrough(async () => {
    await redis.call("CLIENT", "PAUSE", 2 * COMMAND_TIMEOUT_MS, "ALL");
    await redis.ping();
  });
  expect(await unknowns()).toBeGreaterThan(before);
});

it("a channel that Redis forgets in the middle goes on from Postgres, and no other notices", async () => {
  const [cold = ""] = CHANNELS;
  const talk = await talkThrough(async () => {
    const names = await redis.keys(`*:head:${cold}`);
    expect(names).toHaveLength(1);
    await redis.del(...names);
  });
  expect(codesOf(talk)).toEqual(new Set(["ok"]));
});

it("an edge that is killed between its runs and their answers leaves nothing double or missing", async () => {
  const talk = await talkThrough(async () => {
    await redis.call("CLIENT", "PAUSE", 10_000, "WRITE");
    // Runs have left by now: what their senders say next waits behind them.
    await eventually(async () => Number(/blocked_clients:(\d+)/.exec(await redis.info("clients"))?.[1]) > 1);
    cluster.kill("edge-1", "SIGSTOP");
    await redis.call("CLIENT", "UNPAUSE");
    await redis.ping();
    cluster.kill("edge-1");
    await eventually(() => clients.every((client, n) => n % 2 === 1 || client.session() >= 2), {
      withinMs: 10_000,
      what: "everybody at the other edge",
    });
  });
  expect(talk.said.length).toBeGreaterThan(400);
});
