// What strangers sent to stop an edge or to stand in somebody else's name, replayed as bytes against one edge of its own,
// without a Redis behind it: whoever behaves is answered meanwhile.
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { eventually, parseMetrics, testPostgres } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { launchEdge } from "./edge-process.ts";
import type { EdgeProcess } from "./edge-process.ts";
import { closeOf, PING_BYTES, rawPeer, upgradeText } from "./raw-peer.ts";
import type { RawPeer } from "./raw-peer.ts";
import { openRaw } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";

const AUTH_TIMEOUT_MS = 1000;
/** Nobody listens on the discard port of loopback. */
const NOBODY = "127.0.0.1:9";

const { url: postgresUrl } = await testPostgres();
const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const issuer = { status: 200 };
const teardowns: (() => unknown)[] = [];
let edge: EdgeProcess;
let port: number;

beforeAll(async () => {
  const jwks = createServer((_request, response) => {
    const jwk = { ...keys.publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256" };
    response.writeHead(issuer.status).end(JSON.stringify({ keys: [jwk] }));
  });
  teardowns.push(() => jwks.close());
  edge = await launchEdge(
    {
      ROOKERY_REDIS_URL: `redis://${NOBODY}`,
      ROOKERY_POSTGRES_URL: postgresUrl,
      ROOKERY_JWT_JWKS_URL: `http://127.0.0.1:${await listening(jwks)}/jwks`,
      ROOKERY_JWT_ALGORITHMS: "ES256",
      ROOKERY_ALLOWED_ORIGINS: "https://Chat.example.com:443,loopback",
      ROOKERY_AUTH_TIMEOUT_MS: String(AUTH_TIMEOUT_MS),
      ROOKERY_CONNECTS_PER_SEC: "50",
      ROOKERY_CONNECTIONS_PER_ADDRESS: "20",
      ROOKERY_TRUSTED_PROXIES: "127.0.0.2",
    },
    (stop) => teardowns.unshift(stop),
  );
  port = Number(new URL(edge.ws).port);
});
afterAll(async () => {
  for (const teardown of teardowns) await teardown();
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function token(user: string): string {
  const claims = { iss: "rookery", aud: "rookery", sub: user, exp: Math.floor(Date.now() / 1000) + 600 };
  const parts = [{ alg: "ES256", kid: "one" }, claims];
  const input = parts.map((each) => Buffer.from(JSON.stringify(each)).toString("base64url")).join(".");
  const signature = sign("sha256", Buffer.from(input), { key: keys.privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

async function peer(from?: string): Promise<RawPeer> {
  const opened = await rawPeer(port, from === undefined ? {} : { from });
  onTestFinished(opened.destroy);
  return opened;
}

async function open(headers: Record<string, string> = {}): Promise<RawSocket> {
  const socket = await openRaw(edge.ws, { headers });
  onTestFinished(socket.cut);
  return socket;
}

const bearer = (user: string): Record<string, string> => ({ authorization: `Bearer ${token(user)}` });

/** One round trip of somebody who behaves. */
async function ask(socket: RawSocket, ref: string): Promise<void> {
  socket.send(JSON.stringify({ type: "ping", ref }));
  await socket.waitFor((frame) => frame.type === "pong" && frame.ref === ref);
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const metrics = async () => parseMetrics(await (await fetch(`${edge.internal}/metrics`)).text());

describe("tokens while their issuer is away", () => {
  // The first test of this edge: it has no key yet.
  it("are nobody's fault: 4005, an error unavailable in band, and all well a second after the issuer is back", async () => {
    issuer.status = 503;
    const presented = await open(bearer("ann"));
    expect(await presented.closed).toEqual({ code: 4005, reason: "overloaded" });
    const inBand = await open();
    inBand.send(JSON.stringify({ type: "auth", ref: "a", token: token("ann") }));
    expect(await inBand.waitFor(({ ref }) => ref === "a")).toMatchObject({ code: "unavailable", retry: "later" });
    expect(await inBand.closed).toEqual({ code: 4005, reason: "overloaded" });
    const told = await (await fetch(`${edge.internal}/readyz?verbose`)).text();
    expect(told).toMatch(/"name":"token keys","advisory":true,"ok":false,"detail":"[^"]*answered 503/);

    issuer.status = 200;
    const welcomed = await eventually(
      async () => {
        const socket = await open(bearer("ann"));
        const first = await Promise.race([socket.waitFor(() => true), socket.closed]);
        return "type" in first && first.type;
      },
      { withinMs: 5000, everyMs: 100 },
    );
    expect(welcomed).toBe("welcome");
    const seen = await metrics();
    expect(seen.get('rookery_edge_token_checks_total{outcome="unavailable"}')).toBeGreaterThanOrEqual(2);
    expect(seen.get('rookery_edge_token_checks_total{outcome="unauthenticated"}')).toBe(0);
  });
});

describe("a flood of pings", () => {
  it("ends its own socket, and nobody else waits: frames are answered and the clock of silent sockets goes on", async () => {
    const bystander = await open(bearer("bystander"));
    await bystander.waitFor(({ type }) => type === "welcome");
    const silent = await open();
    const pings = Buffer.concat(Array.from({ length: 200_000 }, () => PING_BYTES));
    const flooders = await Promise.all([1, 2, 3].map(() => peer("127.0.0.3")));
    for (const each of flooders) {
      each.write(upgradeText());
      await eventually(() => each.text().includes("\r\n\r\n"));
      for (let n = 0; n < 10; n += 1) each.write(pings);
    }
    await ask(bystander, "during");
    for (const each of flooders) {
      await each.closed;
      expect([4006, 1006]).toContain(closeOf(each.frames()).code);
    }
    expect(await silent.closed).toEqual({ code: 4408, reason: "auth_timeout" });
    await ask(bystander, "after");
    expect((await metrics()).get('rookery_edge_disconnects_total{reason="too_fast"}')).toBe(3);
  });
});

describe("a flood of upgrades that are refused", () => {
  it("leaves room for everybody else, and is told to its own address", async () => {
    const foreign = upgradeText({ Origin: "https://evil.example" });
    const answers = new Set<number>();
    let isOver = false;
    /** Sends as fast as it is let: whatever is cut is opened again. */
    const flood = async (): Promise<void> => {
      while (!isOver) {
        const each = await rawPeer(port, { from: "127.0.0.4" });
        each.write(foreign.repeat(answers.has(429) ? 500 : 1));
        await each.closed;
        if (each.text() !== "") answers.add(statusOf(each.text()));
      }
    };
    const flooding = Promise.all([flood(), flood(), flood()]);
    await eventually(() => answers.has(429), { withinMs: 30_000, what: "the address is no longer listened to" });
    for (let n = 0; n < 30; n += 1) {
      const honest = await peer("127.0.0.5");
      honest.write(upgradeText({ Origin: "https://chat.example.com" }));
      await eventually(() => honest.text().includes("\r\n\r\n"), { everyMs: 2 });
      expect(statusOf(honest.text())).toBe(101);
      honest.destroy();
    }
    isOver = true;
    await flooding;
    expect(answers).toEqual(new Set([403, 429]));
    const seen = await metrics();
    expect(seen.get('rookery_edge_upgrades_refused_total{reason="origin"}')).toBeGreaterThan(50);
    expect(seen.get('rookery_edge_upgrades_refused_total{reason="too_many_at_once"}')).toBe(0);
    const lines = edge
      .log()
      .filter((line) => line.includes("upgrade refused") && line.includes('"origin":"https://evil'));
    expect(lines.length, "once in ten seconds a reason, not once a request").toBeLessThan(20);
    expect(lines.length).toBeGreaterThan(0);
  });
});

describe("a page", () => {
  it("of this machine may connect where the word loopback says so, on any port, and one that only looks so may not", async () => {
    const statusFor = async (origin: string): Promise<number> => {
      const each = await peer("127.0.0.6");
      each.write(upgradeText({ Origin: origin }));
      await eventually(() => each.text().includes("\r\n\r\n"), { everyMs: 2 });
      return statusOf(each.text());
    };
    expect(await statusFor("http://localhost:5173")).toBe(101);
    expect(await statusFor("http://[::1]:3000")).toBe(101);
    expect(await statusFor("https://chat.example.com")).toBe(101);
    expect(await statusFor("http://localhost.evil.example:5173")).toBe(403);
  });
});

describe("a victim's address", () => {
  it("cannot be filled by whoever writes it into the header that a proxy adds a line to", async () => {
    let crowd = 0;
    const through = async (...lines: string[]): Promise<number> => {
      const each = await peer("127.0.0.2");
      each.write(upgradeText({ "X-Forwarded-For": lines, Authorization: `Bearer ${token(`crowd-${(crowd += 1)}`)}` }));
      await eventually(() => each.text().includes("\r\n\r\n"), { everyMs: 2 });
      return statusOf(each.text());
    };
    const answers: number[] = [];
    for (let n = 0; n < 25; n += 1) answers.push(await through("203.0.113.9", `198.51.100.7:${1000 + n}`));
    expect(answers.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 101));
    expect(answers.slice(20), "one address, whatever the port").toEqual(Array.from({ length: 5 }, () => 503));
    expect(await through("203.0.113.9")).toBe(101);
  });
});
