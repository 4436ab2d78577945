// What the shipped HAProxy makes of requests to an api that takes one and ends without an answer, of one that two sides could
// read differently, and of who says nothing: an api and edges of the test stand behind it and say what reached them.
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import { eventually, testCertificates } from "@rookery/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { upgradeText } from "../raw-peer.ts";
import { balancerProgram, startBalancer } from "./balancer.ts";
import type { Balancer } from "./balancer.ts";

const certificates = await testCertificates();
/** The answer to the key of the upgrade request, which RFC 6455 works out in section 1.3. */
const ACCEPTED = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/** Above the time after which it lets go who says nothing, below that of a heartbeat. */
const LET_GO_WITHIN_MS = 20_000;

describe.skipIf(balancerProgram("haproxy") === undefined)("the shipped HAProxy before an api", () => {
  let balancer: Balancer;
  const reached: string[] = [];
  const take = ({ method = "", url = "", headers }: IncomingMessage): void => {
    if (url !== "/readyz") reached.push(`${method} ${url} ${headers["content-length"] ?? "without length"}`);
  };
  const api = createServer((asked, answer) => {
    take(asked);
    asked.resume().once("end", () => (asked.url === "/dies" ? asked.socket.destroy() : answer.end("well")));
  });
  const upgraded: Socket[] = [];
  api.on("upgrade", (_asked: IncomingMessage, socket: Socket) => {
    upgraded.push(socket);
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n${ACCEPTED}\r\n\r\n`,
    );
  });
  beforeAll(async () => {
    await once(api.listen(0, "127.0.0.1"), "listening");
    const address = api.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    const processes = ["edge-1", "edge-2", "api"].map((name) => ({ name, pid: process.pid, internal: url }));
    balancer = await startBalancer("haproxy", { ready: { ws: [url, url], api: url, processes } }, certificates);
  });
  beforeEach(() => void reached.splice(0));
  afterAll(async () => {
    await balancer?.close();
    for (const socket of upgraded) socket.destroy();
    api.closeAllConnections();
    api.close();
  });

  const statusOf = (method: string): Promise<number> => {
    const options = {
      host: "127.0.0.1",
      port: balancer.port,
      ca: certificates.ca,
      path: "/dies",
      method,
      agent: false,
    };
    const asked = request(options).end(method === "POST" ? '{"body":"once"}' : undefined);
    return new Promise((resolve, reject) => {
      asked.once("error", reject);
      asked.once("response", (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
    });
  };

  it("asks once for what may have been done, and tells the client that nobody answered", async () => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      expect(await statusOf(method)).toBe(502);
      expect(reached.splice(0).map((line) => line.split(" ")[0])).toEqual([method]);
    }
  });

  it("lets nothing pass that follows a length beside chunks", async () => {
    const tcp = connect({ host: "127.0.0.1", port: balancer.port, ca: certificates.ca });
    onTestFinished(() => void tcp.destroy());
    await once(tcp, "secureConnect");
    const ended = once(tcp.resume(), "close");
    const two =
      "content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /second HTTP/1.1\r\nhost: a.test\r\n\r\n";
    tcp.write(`POST /first HTTP/1.1\r\nhost: a.test\r\n${two}`);
    await ended;
    expect(reached).toEqual(["POST /first without length"]);
  });

  it("lets go who connects and says nothing, and leaves a socket alone that is silent for as long", async () => {
    const tcp = connect({ host: "127.0.0.1", port: balancer.port, ca: certificates.ca });
    onTestFinished(() => void tcp.destroy());
    let heard = "";
    tcp.on("data", (bytes) => (heard += String(bytes)));
    tcp.write(upgradeText());
    await eventually(() => heard.startsWith("HTTP/1.1 101"), { what: "a socket" });
    const silent = connectTcp({ host: "127.0.0.1", port: balancer.port }).resume();
    onTestFinished(() => void silent.destroy());
    await once(silent, "close", { signal: AbortSignal.timeout(LET_GO_WITHIN_MS) });
    upgraded[0]?.write("still here");
    await eventually(() => expect(heard).toMatch(/still here$/));
  });
});
