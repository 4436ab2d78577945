// Two edges and an api behind a shipped balancer, and those who come to it: clients, and strangers who write bytes. Called by the
// suites of balancers; starts before their tests and ends after them.
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";
import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster, TestCertificates } from "@rookery/testkit";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { UNHURRIED } from "../talk.ts";
import { startBalancer } from "./balancer.ts";
import type { Balancer, BalancerKind } from "./balancer.ts";

export const EDGES = ["edge-1", "edge-2"];
/** The pages of it may connect. */
export const ORIGIN = "https://chat.example";
/** Above what one test has open at once. */
export const PER_ADDRESS = 60;
const HEARTBEAT_MS = 1_000;

const SET = {
  ...UNHURRIED,
  ...{ ROOKERY_TRUSTED_PROXIES: "127.0.0.1", ROOKERY_ALLOWED_ORIGINS: ORIGIN },
  ...{ ROOKERY_LOOPBACK_EXEMPT: "false", ROOKERY_CONNECTIONS_PER_ADDRESS: String(PER_ADDRESS) },
  ...{ ROOKERY_HEARTBEAT_MS: String(HEARTBEAT_MS), ROOKERY_AUTH_TIMEOUT_MS: "60000" },
};

export interface Scene {
  cluster(this: void): Cluster;
  url(this: void): string;
  readonly ca: string;
  /** A client that came through the balancer; gone with the test. */
  connected(this: void, user: string, more?: Parameters<Cluster["client"]>[1]): Promise<ChatClient>;
  /** The first line of the answer to bytes, from an address of this machine. The connection stays open as long as the test. */
  answerTo(this: void, request: string, from?: string): Promise<string>;
}

export const edgeOf = (client: ChatClient): string => String(client.welcome()["node"]).split(".")[0] ?? "";

export function balancerScene(kind: BalancerKind, certificates: TestCertificates): Scene {
  let cluster: Cluster;
  let balancer: Balancer;
  beforeAll(async () => {
    cluster = await startCluster({ edges: EDGES.length, restart: true, set: SET });
    balancer = await startBalancer(kind, cluster, certificates, HEARTBEAT_MS);
  });
  afterAll(async () => {
    await balancer?.close();
    await cluster?.stop();
  });
  const url = (): string => `wss://127.0.0.1:${balancer.port}/ws`;
  return {
    cluster: () => cluster,
    url,
    ca: certificates.ca,
    async connected(user, more = {}) {
      const client = await cluster.client(user, { url: url(), ca: certificates.ca, ...more });
      onTestFinished(() => client.close());
      return client;
    },
    async answerTo(request, from = "127.0.0.1") {
      const tcp = connectTcp({ host: "127.0.0.1", port: balancer.port, localAddress: from });
      const socket = connect({ host: "127.0.0.1", socket: tcp, ca: certificates.ca });
      onTestFinished(() => void socket.destroy());
      await once(socket, "secureConnect");
      let answer = "";
      socket.on("data", (bytes) => (answer += String(bytes)));
      socket.on("error", () => undefined);
      socket.write(request);
      await eventually(() => answer.includes("\r\n\r\n"), { what: "an answer" });
      return answer.slice(0, answer.indexOf("\r\n"));
    },
  };
}
