// A rolling restart of three edges under load: one is told to drain over REST, one on the command line and one by a signal, and
// their clients go on by their own list of addresses.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { beyondBudget, watchConnects } from "./connect-watch.ts";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "./talk.ts";

const EDGES = 3;
const CLIENTS = 60;
const CHANNELS = 3;
const PACE_MS = 40;
const DRAIN_MS = 4000;
/** A drained edge's clients come back within its window: 20 of 60, or as many as an edge before it had sent here as well. */
const CONNECTS_PER_SEC = 20;
const LEASE_MS = 3000;
/** An order is heard with the next beat; then the drain, and a process that starts on a busy machine. */
const RESTARTED_WITHIN_MS = 60_000;
const rookery = fileURLToPath(new URL("../packages/cli/bin/rookery.js", import.meta.url));

const nameOf = (edge: number): string => `edge-${edge + 1}`;

interface Node {
  readonly node: string;
  readonly pid: number;
}

async function nodeOf(cluster: Cluster, edge: number): Promise<string> {
  const headers = { authorization: `Bearer ${cluster.ready.apiKey}` };
  const answer = await fetch(`${cluster.ready.api}/v1/nodes`, { headers });
  const { nodes }: { nodes: readonly Node[] } = JSON.parse(await answer.text());
  const found = nodes.find(({ pid }) => pid === cluster.pid(nameOf(edge)));
  if (found === undefined) throw new Error(`${nameOf(edge)} is not on the list`);
  return found.node;
}

/** By whom an edge hears that it has to go. */
const ORDERS: readonly ((cluster: Cluster) => Promise<void>)[] = [
  async (cluster) => {
    const url = `${cluster.ready.api}/v1/nodes/${await nodeOf(cluster, 0)}/drain`;
    const answer = await fetch(url, { method: "POST", headers: { authorization: `Bearer ${cluster.ready.apiKey}` } });
    expect(answer.status).toBe(202);
  },
  async (cluster) => {
    const env = { PATH: process.env["PATH"], RK_API: cluster.ready.api, RK_API_KEY: cluster.ready.apiKey };
    const node = await nodeOf(cluster, 1);
    const { stdout } = await promisify(execFile)(process.execPath, [rookery, "drain", node, "--json"], { env });
    expect(JSON.parse(stdout)).toEqual({ node });
  },
  async (cluster) => cluster.kill(nameOf(2), "SIGTERM"),
];

it("a rolling restart of three edges under load loses nothing, tells nobody's coming or going, and keeps to the budget of connects", async () => {
  const set = {
    ...UNHURRIED,
    ...{ ROOKERY_DRAIN_MS: String(DRAIN_MS), ROOKERY_LEASE_MS: String(LEASE_MS) },
    ...{ ROOKERY_CONNECTS_PER_SEC: String(CONNECTS_PER_SEC), ROOKERY_BALANCER_WAIT_MS: "300" },
    // Whoever is away for a moment has left, unless a drain holds them present.
    ROOKERY_PRESENCE_GRACE_MS: "0",
  };
  const cluster = await startCluster({ edges: EDGES, set, restart: true });
  const clients: ChatClient[] = [];
  for (let n = 0; n < CLIENTS; n += 1) {
    const reconnecting = { urls: cluster.ready.ws, firstDelayMs: 100, maxDelayMs: 1000 };
    const client = await eventually(() => cluster.client(`user-${n}`, { edge: n % EDGES, reconnecting }), {
      withinMs: 10_000,
      what: "a connection",
    });
    clients.push(client);
    onTestFinished(() => client.close());
  }
  const speakers = clients.map((client, n) => ({ client, channel: `rolling-${n % CHANNELS}` }));
  await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));
  const talk = startTalk(
    speakers.map((speaker) => ({ ...speaker, before: () => speaker.client.ready() })),
    { paceMs: PACE_MS },
  );
  await eventually(() => talk.acknowledged() > 5 * CLIENTS, { withinMs: 30_000, what: "a talk in full flow" });
  const cameFrom = clients.map(({ frames }) => frames.length);
  const connects = watchConnects(
    cluster,
    ORDERS.map((_order, edge) => nameOf(edge)),
  );

  for (const [edge, order] of ORDERS.entries()) {
    const before = clients.filter(({ welcome }) => String(welcome()["node"]).startsWith(`${nameOf(edge)}.`));
    const returned = cluster.restarted(nameOf(edge), RESTARTED_WITHIN_MS);
    await order(cluster);
    await returned;
    await Promise.all(clients.map((client) => client.ready()));
    expect(before.length, `clients of ${nameOf(edge)}`).toBeGreaterThan(0);
    const wasAcknowledged = talk.acknowledged();
    await eventually(() => talk.acknowledged() > wasAcknowledged + 2 * CLIENTS, { withinMs: 30_000, what: "talk" });
  }
  await talk.end();
  const looks = await connects.end();

  expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);
  await expectPromisesKept({ cluster, talk, clients, withinMs: 30_000 });
  const told = clients.flatMap(({ frames }, n) => frames.slice(cameFrom[n]));
  expect(told.filter(({ type }) => type === "joined" || type === "left")).toEqual([]);
  expect(clients.filter((client) => client.session() === 1)).toEqual([]);
  expect(clients.flatMap(closesOf).filter((code) => ![4000, 1006].includes(code))).toEqual([]);
  expect(looks.length).toBeGreaterThan(10 * EDGES);
  expect(looks.filter(({ refused }) => refused > 0)).toEqual([]);
  expect(beyondBudget(looks, CONNECTS_PER_SEC)).toEqual([]);
});
