// A rolling restart of every edge behind a shipped balancer, whichever it is, under five hundred who chat: as seen by clients, which
// know one address, by the edges, which count who comes, and by the balancer, which logs what each request was answered.
import { setTimeout as delay } from "node:timers/promises";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, TestCertificates } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { beyondBudget, watchConnects } from "../connect-watch.ts";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "../talk.ts";
import type { Talk } from "../talk.ts";
import { edgeOf, EDGES } from "./balancer-scene.ts";
import { startBalancer } from "./balancer.ts";
import type { Balancer, BalancerKind } from "./balancer.ts";

const CLIENTS = 500;
const CHANNELS = 50;
const AT_ONCE = 25;
const PACE_MS = 3_000;
const DRAIN_MS = 6_000;
/** Two looks of a balancer that asks, and one more. */
const BALANCER_WAIT_MS = 3_000;
/** Above all clients within the window of a drain: before the second restart all of them are on one edge. At once they are refused. */
const CONNECTS_PER_SEC = 120;
const RESTARTED_WITHIN_MS = 60_000;

const SET = {
  ...UNHURRIED,
  ...{ ROOKERY_TRUSTED_PROXIES: "127.0.0.1", ROOKERY_BALANCER_WAIT_MS: String(BALANCER_WAIT_MS) },
  ...{ ROOKERY_DRAIN_MS: String(DRAIN_MS), ROOKERY_CONNECTS_PER_SEC: String(CONNECTS_PER_SEC) },
  // Whoever is away for a moment has left, unless a drain holds them present.
  ROOKERY_PRESENCE_GRACE_MS: "0",
};

export function itRestartsRolling(kind: BalancerKind, certificates: TestCertificates): void {
  let cluster: Cluster;
  let balancer: Balancer;
  beforeAll(async () => {
    cluster = await startCluster({ edges: EDGES.length, restart: true, set: SET });
    balancer = await startBalancer(kind, cluster, certificates);
  });
  afterAll(async () => {
    await balancer?.close();
    await cluster?.stop();
  });

  const arrived = async (): Promise<ChatClient[]> => {
    const clients: ChatClient[] = [];
    onTestFinished(async () => void (await Promise.all(clients.map((client) => client.close()))));
    const url = `wss://127.0.0.1:${balancer.port}/ws`;
    const reconnecting = { urls: [url], firstDelayMs: 100, maxDelayMs: 1_000 };
    const arrive = (n: number): Promise<ChatClient> =>
      cluster.client(`user-${n}`, { url, ca: certificates.ca, reconnecting });
    while (clients.length < CLIENTS) {
      const first = clients.length;
      clients.push(...(await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => arrive(first + n)))));
      // Arriving is no part of what is tried: half of the budget of both edges.
      await delay((1000 * AT_ONCE) / CONNECTS_PER_SEC);
    }
    return clients;
  };

  it("loses nothing, refuses nobody, keeps to the budget of connects, and announces nobody's coming or going", async () => {
    const clients = await arrived();
    const speakers = clients.map((client, n) => ({ client, channel: `rolling-${n % CHANNELS}` }));
    await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));
    const talk = startTalk(
      speakers.map((each) => ({ ...each, before: () => each.client.ready() })),
      { paceMs: PACE_MS },
    );
    await eventually(() => talk.acknowledged() > CLIENTS, { withinMs: 60_000, what: "a talk in full flow" });
    const cameFrom = clients.map(({ frames }) => frames.length);
    const watch = watchConnects(cluster, EDGES);
    for (const edge of EDGES) await restart(edge, clients, talk);
    await talk.end();
    const looks = await watch.end();

    expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);
    await expectPromisesKept({ cluster, talk, clients, withinMs: 30_000 });
    const told = clients.flatMap(({ frames }, n) => frames.slice(cameFrom[n]));
    expect(told.filter(({ type }) => type === "joined" || type === "left")).toEqual([]);
    expect(clients.flatMap(closesOf).filter((code) => ![4000, 1006].includes(code))).toEqual([]);
    expect(looks.length).toBeGreaterThan(10 * EDGES.length);
    expect(looks.filter(({ refused }) => refused > 0)).toEqual([]);
    expect(beyondBudget(looks, CONNECTS_PER_SEC)).toEqual([]);
    await expectAllUpgraded(clients);
  });

  async function restart(edge: string, clients: readonly ChatClient[], talk: Talk): Promise<void> {
    expect(clients.filter((client) => edgeOf(client) === edge).length, edge).toBeGreaterThan(CLIENTS / 5);
    const returned = cluster.restarted(edge, RESTARTED_WITHIN_MS);
    cluster.kill(edge, "SIGTERM");
    await returned;
    await Promise.all(clients.map((client) => client.ready()));
    const before = talk.acknowledged();
    await eventually(() => talk.acknowledged() > before + CLIENTS / 2, { withinMs: 60_000, what: "talk" });
  }

  /** Every request for a socket is in the balancer's log once its socket is closed; nobody was answered 502 or 503. */
  async function expectAllUpgraded(clients: readonly ChatClient[]): Promise<void> {
    const sessions = clients.map((client) => client.session());
    expect(sessions.filter((count) => count === 1)).toEqual([]);
    await Promise.all(clients.map((client) => client.close()));
    const sockets = sessions.reduce((sum, count) => sum + count, 0);
    await eventually(() => expect(balancer.statuses().length).toBeGreaterThanOrEqual(sockets));
    expect(balancer.statuses().filter((status) => status !== 101)).toEqual([]);
  }
}
