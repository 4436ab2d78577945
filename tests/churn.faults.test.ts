import { eventually } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { liveHeapBytes } from "./live-heap.ts";
import { startLoggedCluster } from "./logged-cluster.ts";
import type { LoggedCluster } from "./logged-cluster.ts";
import { openRaw, openWelcomed } from "./raw-socket.ts";

const CONNECTIONS = 5000;
const CHANNELS = 500;
const WAVE = 250;
const JOINS = 3;
/** Relays linger for 3 s, who left is present for 5 s more; the rest is for the calm itself. */
const CALM_WITHIN_MS = 15_000;
/** Visits that compile code and make what is made once, and until every channel's page and tail are kept. */
const FIRST_VISITS = 2500;
/**
 * Live objects still grow by one to two megabytes: pages and tails that are kept, within their budgets, have as many messages
 * more as were sent, tables are enlarged. A session that stayed behind is more than a kilobyte, so 5,000 of them are beyond this.
 */
const HEAP_TOLERANCE_BYTES = 3 * 1024 * 1024;

const EDGES = ["edge-1"] as const;
const GAUGES = [
  "rookery_edge_connections",
  "rookery_edge_unidentified_connections",
  "rookery_edge_users",
  "rookery_edge_channels",
  "rookery_edge_memberships",
  "rookery_edge_subscribed_topics",
  "rookery_edge_unconfirmed_sends",
  "rookery_edge_graces",
  "rookery_edge_untold_changes",
  "rookery_edge_waiting_crowds",
  "rookery_edge_typists",
] as const;

let logged: LoggedCluster;
let cluster: Cluster;
let redis: Redis;

beforeAll(async () => {
  logged = await startLoggedCluster(
    { edges: EDGES.length, set: { ROOKERY_CONNECTS_PER_SEC: "10000" } },
    { NODE_OPTIONS: "--inspect-port=0" },
  );
  cluster = logged.cluster;
  redis = new Redis(cluster.ready.redis);
});
afterAll(async () => {
  redis?.disconnect();
  await logged?.stop();
});

/** Marsaglia's xorshift with 32 bits: the same churn at every run. */
let state = 20_261_124;
function below(limit: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % limit;
}

/** Lets itself in with a bad token, or says nothing at all. */
async function strangerVisit(url: string): Promise<void> {
  const stranger = await openRaw(url, below(2) === 0 ? { headers: { authorization: "Bearer nonsense" } } : {});
  if (below(2) === 0) stranger.cut();
  else stranger.close();
  await stranger.closed;
}

/** One visit: connects, joins, perhaps speaks, perhaps leaves a channel, then says goodbye or is cut off. */
async function visit(n: number): Promise<void> {
  const url = cluster.ready.ws[n % EDGES.length] ?? "";
  const channels = Array.from({ length: JOINS }, () => `churn-${below(CHANNELS)}`);
  const [first = ""] = channels;
  const fate = below(6);
  if (n % 20 === 0) await strangerVisit(url);
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

const liveHeaps = (): Promise<number[]> =>
  Promise.all(EDGES.map((edge) => liveHeapBytes({ pid: cluster.pid(edge), log: () => logged.logOf(edge) })));

it(`${CONNECTIONS} connections over ${CHANNELS} channels leave nothing behind`, async () => {
  const untouched = await read();
  expect(untouched.gauges).toEqual(Object.fromEntries(GAUGES.map((name) => [name, EDGES.map(() => 0)])));
  await churn(CONNECTIONS, CONNECTIONS + FIRST_VISITS);
  await eventually(async () => expect(await read()).toEqual(untouched), { withinMs: CALM_WITHIN_MS, everyMs: 250 });
  const before = await liveHeaps();

  await churn(0, CONNECTIONS);

  await eventually(async () => expect(await read()).toEqual(untouched), { withinMs: CALM_WITHIN_MS, everyMs: 250 });
  const grown = (await liveHeaps()).map((bytes, n) => bytes - (before[n] ?? 0));
  for (const bytes of grown) expect(bytes).toBeLessThan(HEAP_TOLERANCE_BYTES);
});
