// A rolling restart of every edge behind the shipped HAProxy, under five hundred who chat: as seen by clients, which know one
// address, and by the balancer, which logs how each of their requests ended.
import { eventually, startCluster, testCertificates } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "../talk.ts";
import { balancerProgram, startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";

const CLIENTS = 500;
const CHANNELS = 50;
const AT_ONCE = 25;
const PACE_MS = 2_000;
const EDGES = ["edge-1", "edge-2"];
const DRAIN_MS = 8_000;
/** Two looks of the balancer, and one more. */
const BALANCER_WAIT_MS = 3_000;
/** Above half of the clients within the window of a drain. */
const CONNECTS_PER_SEC = 100;
const RESTARTED_WITHIN_MS = 60_000;

const SET = {
  ...UNHURRIED,
  ...{ ROOKERY_TRUSTED_PROXIES: "127.0.0.1", ROOKERY_BALANCER_WAIT_MS: String(BALANCER_WAIT_MS) },
  ...{ ROOKERY_DRAIN_MS: String(DRAIN_MS), ROOKERY_CONNECTS_PER_SEC: String(CONNECTS_PER_SEC) },
  // Whoever is away for a moment has left, unless a drain holds them present.
  ROOKERY_PRESENCE_GRACE_MS: "0",
};
const certificates = await testCertificates();

describe.skipIf(balancerProgram("haproxy") === undefined)("behind the shipped HAProxy", () => {
  let cluster: Cluster;
  let balancer: Balancer;
  beforeAll(async () => {
    cluster = await startCluster({ edges: EDGES.length, restart: true, set: SET });
    balancer = await startBalancer("haproxy", cluster, certificates);
  });
  afterAll(async () => {
    await balancer?.close();
    await cluster?.stop();
  });

  it("a rolling restart of every edge loses nothing, refuses nobody and announces nobody's coming or going", async () => {
    const url = `wss://127.0.0.1:${balancer.port}/ws`;
    const clients: ChatClient[] = [];
    const reconnecting = { urls: [url], firstDelayMs: 100, maxDelayMs: 1_000 };
    while (clients.length < CLIENTS) {
      const some = Array.from({ length: AT_ONCE }, (_, n) =>
        cluster.client(`user-${clients.length + n}`, { url, ca: certificates.ca, reconnecting }),
      );
      clients.push(...(await Promise.all(some)));
      await eventually(async () => expect(await refusedAtOnce()).toBe(0));
    }
    onTestFinished(async () => void (await Promise.all(clients.map((client) => client.close()))));
    const speakers = clients.map((client, n) => ({ client, channel: `rolling-${n % CHANNELS}` }));
    await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));
    const talk = startTalk(
      speakers.map((each) => ({ ...each, before: () => each.client.ready() })),
      { paceMs: PACE_MS },
    );
    await eventually(() => talk.acknowledged() > CLIENTS, { withinMs: 60_000, what: "a talk in full flow" });
    const cameFrom = clients.map(({ frames }) => frames.length);

    for (const edge of EDGES) {
      const before = clients.filter(({ welcome }) => String(welcome()["node"]).startsWith(`${edge}.`));
      expect(before.length, `clients of ${edge}`).toBeGreaterThan(CLIENTS / 5);
      const returned = cluster.restarted(edge, RESTARTED_WITHIN_MS);
      cluster.kill(edge, "SIGTERM");
      await returned;
      await Promise.all(clients.map((client) => client.ready()));
      const wasAcknowledged = talk.acknowledged();
      await eventually(() => talk.acknowledged() > wasAcknowledged + CLIENTS, { withinMs: 60_000, what: "talk" });
    }
    await talk.end();

    expect(talk.said.filter(({ reply }) => reply?.type !== "ok")).toEqual([]);
    await expectPromisesKept({ cluster, talk, clients, withinMs: 30_000 });
    const told = clients.flatMap(({ frames }, n) => frames.slice(cameFrom[n]));
    expect(told.filter(({ type }) => type === "joined" || type === "left")).toEqual([]);
    expect(clients.flatMap(closesOf).filter((code) => ![4000, 1006].includes(code))).toEqual([]);
    const statuses = statusesIn(balancer.log());
    expect(statuses.length).toBeGreaterThanOrEqual(CLIENTS);
    expect(statuses.filter((status) => status !== 101)).toEqual([]);
    expect(clients.filter((client) => client.session() === 1)).toEqual([]);
  });

  async function refusedAtOnce(): Promise<number> {
    const found = await Promise.all(EDGES.map((edge) => cluster.metrics(edge)));
    const series = 'rookery_edge_upgrades_refused_total{reason="too_many_at_once"}';
    return found.reduce((sum, metrics) => sum + (metrics.get(series) ?? 0), 0);
  }
});

/** Of each request for a socket that has ended, what its client was answered. */
function statusesIn(log: string): number[] {
  return [...log.matchAll(/ edges\/\S+ [-+\d/]+ (-?\d+) \S+ .*"GET [^"]*\/ws /g)].map(([, status]) => Number(status));
}
