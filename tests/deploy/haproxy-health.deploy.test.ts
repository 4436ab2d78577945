// How the shipped HAProxy learns that an edge is not to be served any more: from `/readyz` of its internal port, while the edge
// itself still takes whoever comes.
import { eventually, startCluster, testCertificates } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { edgeOf } from "./balancer-scene.ts";
import { balancerProgram, startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";

const COMERS = 10;
/** Far above what HAProxy takes to see it. */
const BALANCER_WAIT_MS = 60_000;
const certificates = await testCertificates();

describe.skipIf(balancerProgram("haproxy") === undefined)("the health check of the shipped HAProxy", () => {
  let cluster: Cluster;
  let balancer: Balancer;
  beforeAll(async () => {
    cluster = await startCluster({ edges: 2, set: { ROOKERY_BALANCER_WAIT_MS: String(BALANCER_WAIT_MS) } });
    balancer = await startBalancer("haproxy", cluster, certificates);
  });
  afterAll(async () => {
    // Told to end, each would wait for the balancer first.
    for (const name of ["edge-1", "edge-2", "api"]) cluster?.kill(name);
    await balancer?.close();
    await cluster?.stop();
  });

  const comers = async (): Promise<ChatClient[]> => {
    const url = `wss://127.0.0.1:${balancer.port}/ws`;
    const clients = await Promise.all(
      Array.from({ length: COMERS }, (_, n) => cluster.client(`comer-${n}`, { url, ca: certificates.ca })),
    );
    onTestFinished(async () => void (await Promise.all(clients.map((client) => client.close()))));
    return clients;
  };

  it("leads nobody to an edge that begins to drain, though that would still take them, and leaves there who is there", async () => {
    const before = await comers();
    expect(new Set(before.map(edgeOf))).toEqual(new Set(["edge-1", "edge-2"]));
    cluster.kill("edge-1", "SIGTERM");
    const seen = /Server edges\/edge-1 is DOWN, reason: Layer7 wrong status, code: 503/;
    await eventually(() => seen.test(balancer.log()), { withinMs: 15_000, what: "a check that was answered 503" });
    const direct = await cluster.client("direct", { edge: 0 });
    onTestFinished(() => direct.close());
    expect(edgeOf(direct)).toBe("edge-1");
    expect(new Set((await comers()).map(edgeOf))).toEqual(new Set(["edge-2"]));
    for (const client of before) expect(await client.join("lobby")).toMatchObject({ type: "ok" });
  });
});
