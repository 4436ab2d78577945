import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openWelcomed } from "./raw-socket.ts";

const CONNECTIONS = 5000;
const CHANNELS = 500;
const WAVE = 250;
const JOINS = 3;
/** Relays linger for 3 s; the rest is for the calm itself. */
const CALM_WITHIN_MS = 15_000;
/**
 * Live objects differ a little from one look to the next: what is on its way to Redis, compiled code, the young generation
 * between two collections. A session that stayed behind is about 3 KiB with its socket and memberships: 5,000 of them, or
 * a kilobyte left by each, would stand out.
 */
const HEAP_TOLERANCE_BYTES = 4 * 1024 * 1024;

const EDGES = ["edge-1", "edge-2"] as const;
const GAUGES = [
  "rookery_edge_connections",
  "rookery_edge_unidentified_connections",
  "rookery_edge_users",
  "rookery_edge_channels",
  "rookery_edge_memberships",
  "rookery_edge_subscribed_topics",
  "rookery_edge_unconfirmed_sends",
] as const;

let cluster: Cluster;
let redis: Redis;

beforeAll(async () => {
  cluster = await startCluster({ edges: EDGES.length, persisters: 0, set: { ROOKERY_CONNECTS_PER_SEC: "10000" } });
  redis = new Redis(cluster.ready.redis);
});
afterAll(() => redis?.disconnect());

/** Marsaglia's xorshift with 32 bits: the same churn at every run. */
let state = 20_261_124;
function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

/** One visit: connects, joins, perhaps speaks, perhaps leaves a channel, then says goodbye or is cut off. */
async function visit(n: number): Promise<void> {
  const url = cluster.ready.ws[n % EDGES.length] ?? "";
  const channels = Array.from({ length: JOINS }, () => `churn-${below(CHANNELS)}`);
  const [first = ""] = channels;
  const fate = below(6);
  const socket = await openWelcomed(url, cluster.token(`visitor-${n % (CONNECTIONS / 2)}`));
  socket.send(JSON.stringify({ type: "join", ref: "join", joins: channels.map((channel) => ({ channel })), limit: 1 }));
  // Some do not wait for the answer: their join is still under way when their socket is gone.
  if (fate === 0) {
    socket.cut();
    await socket.closed;
    return;
  }
  await socket.waitFor(({ ref }) => ref === "join");
  if (fate < 3)
    socket.send(JSON.stringify({ type: "send", ref: "send", channel: first, clientId: `c${n}`, body: "hi" }));
  if (fate === 1) await socket.waitFor(({ ref }) => ref === "send");
  if (fate === 4) {
    socket.send(JSON.stringify({ type: "leave", ref: "leave", channel: first }));
    await socket.waitFor(({ ref }) => ref === "leave");
  }
  if (fate % 2 === 0) socket.cut();
  else socket.close();
  await socket.closed;
}

async function churn(from: number, to: number): Promise<void> {
  for (let wave = from; wave < to; wave += WAVE) {
    await Promise.all(Array.from({ length: Math.min(WAVE, to - wave) }, (_, n) => visit(wave + n)));
  }
}

async function read(): Promise<{ gauges: Record<string, (number | undefined)[]>; topics: string[] }> {
  const metrics = await Promise.all(EDGES.map((edge) => cluster.metrics(edge)));
  const topics = await redis.pubsub("SHARDCHANNELS");
  return {
    gauges: Object.fromEntries(GAUGES.map((name) => [name, metrics.map((each) => each.get(name))])),
    topics: topics.map(String).toSorted(),
  };
}

/** The heap of each edge when it stays small: looks go on until no later one is smaller. */
async function calmHeaps(): Promise<number[]> {
  return Promise.all(
    EDGES.map(async (edge) => (await cluster.metrics(edge)).get("nodejs_heap_size_used_bytes") ?? Infinity),
  );
}

it(`${CONNECTIONS} connections over ${CHANNELS} channels leave nothing behind`, async () => {
  const untouched = await read();
  expect(untouched.gauges).toEqual(Object.fromEntries(GAUGES.map((name) => [name, [0, 0]])));
  // The first wave compiles code and makes what is made once: pools, prepared statements, the table of known channels.
  await churn(CONNECTIONS, CONNECTIONS + 2 * WAVE);
  await eventually(async () => expect(await read()).toEqual(untouched), { withinMs: CALM_WITHIN_MS, everyMs: 250 });
  const before = await calmHeaps();

  await churn(0, CONNECTIONS);

  await eventually(async () => expect(await read()).toEqual(untouched), { withinMs: CALM_WITHIN_MS, everyMs: 250 });
  await eventually(
    async () => {
      const grown = (await calmHeaps()).map((bytes, n) => bytes - (before[n] ?? 0));
      for (const bytes of grown) expect(bytes).toBeLessThan(HEAP_TOLERANCE_BYTES);
    },
    { withinMs: CALM_WITHIN_MS, everyMs: 250, what: "the heap of each edge as small as before" },
  );
});
