// A shipped balancer as clients meet it, whichever it is: TLS, the ways to show a token, pages of other sites, the api on the same
// name, and requests that two sides could read differently.
import { eventually } from "@rookery/testkit";
import type { TestCertificates } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { rawPeer, upgradeText } from "../raw-peer.ts";
import { balancerScene, edgeOf, EDGES, ORIGIN, PER_ADDRESS } from "./balancer-scene.ts";
import type { Scene } from "./balancer-scene.ts";
import type { BalancerKind } from "./balancer.ts";
import { itKeepsSockets } from "./balanced-sockets.suite.ts";

const HEAD_BYTES = 15_000;
const FORGED = "192.0.2.7";
const HONEST = 8;

const statusIn = (answer: string): string => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "none";

export function itBalances(kind: BalancerKind, certificates: TestCertificates): void {
  const scene = balancerScene(kind, certificates);
  itLetsIn(scene);
  itCountsAddresses(scene);
  itPassesNothingDoubtful(scene);
  itKeepsSockets(scene);
}

function itLetsIn({ cluster, connected, answerTo }: Scene): void {
  it("a token in a header, in the sub-protocol or in the first frame opens a socket, on either edge", async () => {
    const ways = ["header", "subprotocol", "auth", "header"] as const;
    const clients = await Promise.all(ways.map((via, n) => connected(`way-${n}`, { via })));
    for (const client of clients) expect(await client.join("lobby")).toMatchObject({ type: "ok" });
    expect(new Set(clients.map(edgeOf))).toEqual(new Set(EDGES));
    const [first, ...others] = clients;
    const { id } = (await first?.send("lobby", "hello")) ?? {};
    await Promise.all(others.map((client) => client.waitFor((frame) => frame.type === "message" && frame.id === id)));
  });

  it("a page of an allowed origin goes in; one of another, or of none that it could name, is told 403", async () => {
    const page = await connected("page", { via: "subprotocol", headers: { origin: ORIGIN } });
    expect(await page.join("lobby")).toMatchObject({ type: "ok" });
    for (const origin of ["https://evil.example", `${ORIGIN}.evil.example`, "http://chat.example", "null"]) {
      const other = connected("other", { via: "subprotocol", headers: { origin } });
      await expect(other, origin).rejects.toThrow("answered 403");
    }
  });

  it("a head of 15 KB is let through", async () => {
    const client = await connected("long", { headers: { "x-long": "a".repeat(HEAD_BYTES) } });
    expect(await client.join("lobby")).toMatchObject({ type: "ok" });
  });

  it("the api answers on the same name", async () => {
    const answer = await answerTo("GET /v1/channels HTTP/1.1\r\nhost: chat.test\r\nconnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  });

  it("the chat page, its files and what it is told come by the same name", async () => {
    const statusOf = async (path: string): Promise<string> =>
      statusIn(await answerTo(`GET ${path} HTTP/1.1\r\nhost: chat.test\r\nconnection: close\r\n\r\n`));
    const page = await (await fetch(`${cluster().ready.api}/`)).text();
    const [, script = ""] = /src="\.(\/assets\/[^"]+\.js)"/.exec(page) ?? [];
    expect(script).not.toBe("");
    for (const path of ["/", script, "/page.json"]) expect(await statusOf(path), path).toBe("200");
    expect(await statusOf("/assets/none.js")).toBe("404");
  });
}

function itCountsAddresses({ cluster, connected, answerTo }: Scene): void {
  /** Asks for so many sockets and one more; whether each was given, or refused for want of room. */
  const answersOf = async (sockets: number, ask: () => Promise<string>): Promise<Set<string>> =>
    new Set(await Promise.all(Array.from({ length: sockets + 1 }, ask)));

  it("what a client says of its address is not believed", async () => {
    const headers = { "x-forwarded-for": FORGED, forwarded: `for=${FORGED}`, "x-real-ip": FORGED };
    for (const edge of cluster().ready.ws) {
      // Whoever is beside the balancer is taken for it, and may say so.
      const answers = await answersOf(PER_ADDRESS, async () => {
        const peer = await rawPeer(Number(new URL(edge).port));
        onTestFinished(peer.destroy);
        peer.write(upgradeText(headers));
        await eventually(() => peer.text().includes("\r\n\r\n"), { what: "an answer" });
        return statusIn(peer.text());
      });
      expect(answers).toEqual(new Set(["101", "503"]));
    }
    const clients = await Promise.all(Array.from({ length: 6 }, (_, n) => connected(`forger-${n}`, { headers })));
    for (const client of clients) expect(await client.join("lobby")).toMatchObject({ type: "ok" });
  });

  it("an address that has all the sockets it may have is refused, and costs nobody else an edge", async () => {
    const ask = async (): Promise<string> => statusIn(await answerTo(upgradeText(), "127.0.0.9"));
    expect(await answersOf(EDGES.length * PER_ADDRESS, ask)).toEqual(new Set(["101", "503"]));
    for (let n = 0; n < HONEST; n += 1) {
      expect(await ask()).toBe("503");
      await connected(`honest-${n}`);
    }
  });
}

function itPassesNothingDoubtful({ answerTo }: Scene): void {
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
}
