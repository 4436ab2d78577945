// A shipped balancer as clients meet it, whichever it is: TLS, both ways to show a token, the api on the same name, requests that two sides
// could read differently, and an edge that dies behind it.
import { once } from "node:events";
import { connect } from "node:tls";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, TestCertificates } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { closesOf, expectPromisesKept, startTalk, UNHURRIED } from "../talk.ts";
import { startBalancer } from "./balancer.ts";
import type { Balancer, BalancerKind } from "./balancer.ts";

const SPEAKERS = 40;
const CHANNELS = 8;
const HEAD_BYTES = 15_000;

export function itBalances(kind: BalancerKind, certificates: TestCertificates): void {
  let cluster: Cluster;
  let balancer: Balancer;
  let url = "";
  beforeAll(async () => {
    // Of addresses other than loopback each may have one socket.
    const set = { ...UNHURRIED, ROOKERY_TRUSTED_PROXIES: "127.0.0.1", ROOKERY_CONNECTIONS_PER_ADDRESS: "1" };
    cluster = await startCluster({ edges: 2, restart: true, set });
    balancer = await startBalancer(kind, cluster, certificates);
    url = `wss://127.0.0.1:${balancer.port}/ws`;
  });
  afterAll(async () => {
    await balancer?.close();
    await cluster?.stop();
  });

  const connected = async (user: string, more: Parameters<Cluster["client"]>[1] = {}): Promise<ChatClient> => {
    const client = await cluster.client(user, { url, ca: certificates.ca, ...more });
    onTestFinished(() => client.close());
    return client;
  };

  /** The head of the answer to bytes that a client may not send. */
  const answerTo = async (request: string): Promise<string> => {
    const socket = connect({ host: "127.0.0.1", port: balancer.port, ca: certificates.ca });
    onTestFinished(() => void socket.destroy());
    await once(socket, "secureConnect");
    let answer = "";
    socket.on("data", (bytes) => (answer += String(bytes)));
    socket.on("error", () => undefined);
    socket.write(request);
    await eventually(() => answer.includes("\r\n\r\n"), { what: "an answer" });
    return answer.slice(0, answer.indexOf("\r\n"));
  };

  it("a token in a header, in the sub-protocol or in the first frame opens a socket, on either edge", async () => {
    const ways = ["header", "subprotocol", "auth", "header"] as const;
    const clients = await Promise.all(ways.map((via, n) => connected(`way-${n}`, { via })));
    for (const client of clients) expect(await client.join("lobby")).toMatchObject({ type: "ok" });
    const nodes = new Set(clients.map(({ welcome }) => String(welcome()["node"]).split(".")[0]));
    expect(nodes).toEqual(new Set(["edge-1", "edge-2"]));
    const [first, ...others] = clients;
    const { id } = (await first?.send("lobby", "hello")) ?? {};
    await Promise.all(others.map((client) => client.waitFor((frame) => frame.type === "message" && frame.id === id)));
  });

  it("a head of 15 KB is let through", async () => {
    const client = await connected("long", { headers: { "x-long": "a".repeat(HEAD_BYTES) } });
    expect(await client.join("lobby")).toMatchObject({ type: "ok" });
  });

  it("what a client says of its address is not believed", async () => {
    const headers = { "x-forwarded-for": "192.0.2.7", forwarded: "for=192.0.2.7", "x-real-ip": "192.0.2.7" };
    const clients = await Promise.all(Array.from({ length: 6 }, (_, n) => connected(`forger-${n}`, { headers })));
    for (const client of clients) expect(await client.join("lobby")).toMatchObject({ type: "ok" });
    await expect(
      cluster.client("direct-1", { headers }).then(() => cluster.client("direct-2", { headers })),
    ).rejects.toThrow("answered 503");
  });

  it("the api answers on the same name", async () => {
    const answer = await answerTo("GET /v1/channels HTTP/1.1\r\nhost: chat.test\r\nconnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  it.each([
    ["two hosts", "host: a.test\r\nhost: b.test\r\n"],
    ["two lengths", "host: a.test\r\ncontent-length: 5\r\ncontent-length: 6\r\n"],
    ["a length and chunks", "host: a.test\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n"],
    ["an encoding that is none", "host: a.test\r\ntransfer-encoding: xchunked\r\n"],
    ["a folded header", "host: a.test\r\nx-a: b\r\n c: d\r\ncontent-length : 5\r\n"],
  ])("a request with %s reaches no node", async (_what, headers) => {
    for (const path of ["/ws", "/v1/auth/guest"]) {
      const answer = await answerTo(`POST ${path} HTTP/1.1\r\n${headers}\r\nhello`);
      expect(answer, path).toMatch(/^HTTP\/1\.1 (400|501) /);
    }
  });

  it("an edge that is killed costs nobody a message: all go on at the other one, and come back to it", async () => {
    const clients = await Promise.all(
      Array.from({ length: SPEAKERS }, (_, n) => connected(`speaker-${n}`, { reconnecting: { urls: [url] } })),
    );
    const speakers = clients.map((client, n) => ({ client, channel: `talk-${n % CHANNELS}` }));
    await Promise.all(speakers.map(({ client, channel }) => client.join(channel)));
    const talk = startTalk(
      speakers.map((each) => ({ ...each, before: () => each.client.ready() })),
      { paceMs: 50 },
    );
    await eventually(() => talk.acknowledged() > 3 * SPEAKERS, { withinMs: 30_000, what: "a talk in full flow" });
    const returned = cluster.restarted("edge-1", 30_000);
    cluster.kill("edge-1");
    await returned;
    await Promise.all(clients.map((client) => client.ready()));
    const before = talk.acknowledged();
    await eventually(() => talk.acknowledged() > before + 3 * SPEAKERS, {
      withinMs: 30_000,
      what: "talk afterwards",
    });
    await talk.end();
    await expectPromisesKept({ cluster, talk, clients, withinMs: 30_000 });
    expect(clients.flatMap(closesOf).filter((code) => code !== 1006)).toEqual([]);
    expect(clients.filter((client) => client.session() > 1).length).toBeGreaterThan(SPEAKERS / 4);
  });
}
