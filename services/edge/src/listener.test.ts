// Contract of the public port against real sockets in this process: what an upgrade is answered, who counts as whom, what
// a flood of control frames or of refused requests costs, and what a client sees that reads slowly or not at all.
import type { Verified } from "@rookery/auth";
import { createDecoder, DEFAULT_LIMITS } from "@rookery/protocol";
import type { ClientFrame } from "@rookery/protocol";
import { createClientAddress, createMetrics, createOriginAllowed } from "@rookery/runtime";
import { describe, expect, it, onTestFinished } from "vitest";
import { clientFrame, CLOSE, closeOf, PING_BYTES, PONG, rawPeer, TEXT, upgradeText } from "../../../tests/raw-peer.ts";
import type { RawPeer } from "../../../tests/raw-peer.ts";
import { createAddresses, REFUSAL_BURST } from "./addresses.ts";
import { createDoor } from "./door.ts";
import { createHub } from "./hub.ts";
import { listen } from "./listener.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { Session } from "./session.ts";

const HARD_BUFFER_BYTES = 64 * 1024;
const COMMAND_BURST = 100;
/** More than the kernels of both ends take for a peer that does not read, and the buffer on top. */
const FLOOD_FRAMES = 20_000;

const poll = <T>(read: () => T) => expect.poll(read, { interval: 2, timeout: 5000 });

interface Rig {
  maxConnections?: number;
  connectsPerSec?: number;
  connectionsPerAddress?: number;
  lastWordsMs?: number;
  verified?: Verified;
}

const USER: Verified = { ok: true, user: "ann", name: "Ann", issuedAtMs: 0, expiresAtMs: 9e15, claims: {} };

/** A listener with a door and sessions, where every command is answered with its type and nothing else. */
async function edge(options: Rig = {}) {
  const { maxConnections = 1000, connectsPerSec = 1000, connectionsPerAddress = 1000, lastWordsMs = 10_000 } = options;
  const registry = createMetrics({ service: "edge", node: "edge.test", version: "0.0.0" });
  const metrics = createEdgeMetrics(registry);
  const hub = createHub<Session>();
  const unidentified = new Set<Session>();
  const warnings: object[] = [];
  const context = {
    ...{ node: "edge.test", limits: DEFAULT_LIMITS, heartbeatMs: 25_000, connectionsPerUser: 10 },
    ...{ metrics, hub, unidentified },
    log: { warn: (fields: unknown) => void warnings.push(Object(fields)) },
    relays: { release: () => undefined },
    persisted: { forget: () => undefined },
  };
  const door = createDoor({
    edge: context,
    rules: {
      limits: DEFAULT_LIMITS,
      commandBurst: COMMAND_BURST,
      authFrameBytes: 12_288,
      decode: createDecoder(DEFAULT_LIMITS),
      dispatch: (session: Session, { type }: ClientFrame) => session.tell(type),
      refused: () => undefined,
    },
    verifier: { verify: async () => options.verified ?? USER },
    originAllowed: createOriginAllowed(["https://chat.example.com"]),
    ...{ maxConnections, connectsPerSec },
    addresses: createAddresses({ atMost: connectionsPerAddress, loopbackExempt: false }),
    clientAddress: createClientAddress(["127.0.0.1"]),
  });
  const listener = await listen({
    ...{ host: "127.0.0.1", port: 0, door, hardBufferBytes: HARD_BUFFER_BYTES, idleMs: 45_000 },
    wire: { controlPerSec: 50, controlBurst: COMMAND_BURST, lastWordsMs },
  });
  onTestFinished(() => listener.close());

  const connect = async (from?: string): Promise<RawPeer> => {
    const peer = await rawPeer(listener.port, from === undefined ? {} : { from });
    onTestFinished(peer.destroy);
    return peer;
  };
  /** The status and the text of the answer to one request. */
  const ask = async (request: string, from?: string): Promise<string> => {
    const peer = await connect(from);
    peer.write(request);
    await poll(peer.text).toMatch(/\r\n\r\n/);
    return peer.text();
  };
  /** An upgraded socket with its user. */
  const open = async (headers: Record<string, string | string[]> = {}): Promise<RawPeer> => {
    const peer = await connect();
    peer.write(upgradeText({ Authorization: "Bearer a.b.c", ...headers }));
    await poll(() => peer.frames().length).toBeGreaterThan(0);
    return peer;
  };
  const refused = async (reason: string): Promise<number> => {
    const { text } = await registry.render();
    return Number(new RegExp(`upgrades_refused_total\\{reason="${reason}"\\} (\\d+)`).exec(text)?.[1]);
  };
  return { listener, hub, unidentified, warnings, connect, ask, open, refused, registry };
}

const status = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

describe("a request for an upgrade", () => {
  it.each([
    ["version 8", { "Sec-WebSocket-Version": "8" }],
    ["version 99", { "Sec-WebSocket-Version": "99" }],
    ["two versions", { "Sec-WebSocket-Version": ["13", "8"] }],
    ["no version", { "Sec-WebSocket-Version": undefined }],
    ["no Upgrade", { Upgrade: undefined }],
    ["an Upgrade to something else", { Upgrade: "h2c" }],
    ["a Connection that does not name the Upgrade", { Connection: "keep-alive" }],
    ["no key", { "Sec-WebSocket-Key": undefined, Upgrade: undefined }],
  ])("with %s is answered 426 with what is spoken here", async (_what, headers) => {
    const { ask } = await edge();
    const answer = await ask(upgradeText(headers));
    expect(status(answer)).toBe(426);
    expect(answer).toMatch(/\r\nUpgrade: websocket\r\n/);
    expect(answer).toMatch(/\r\nSec-WebSocket-Version: 13\r\n/);
  });

  it.each([
    ["that is absent", undefined],
    ["of 24 characters that are none of a key", "!!!!!!!!!!!!!!!!!!!!!!!!"],
    ["of another length", "dGhlIHNhbXBsZQ=="],
  ])("with a key %s is answered 400", async (_what, key) => {
    const { ask } = await edge();
    expect(status(await ask(upgradeText({ "Sec-WebSocket-Key": key })))).toBe(400);
  });

  it("is taken however its words are written, and in company", async () => {
    const { ask } = await edge();
    expect(status(await ask(upgradeText({ Upgrade: "WebSocket", Connection: "keep-alive, UPGRADE" })))).toBe(101);
    expect(status(await ask(upgradeText({ Connection: ["keep-alive", "Upgrade"] })))).toBe(101);
  });

  it("may offer its sub-protocols in several lines", async () => {
    const { ask, hub } = await edge();
    const bearer = `bearer.${Buffer.from("a.b.c").toString("base64url")}`;
    const answer = await ask(upgradeText({ "Sec-WebSocket-Protocol": ["rookery.v1", bearer] }));
    expect(answer).toMatch(/\r\nSec-WebSocket-Protocol: rookery\.v1\r\n/);
    await poll(() => hub.counts().sessions).toBe(1);
  });

  it("that is refused is counted by its reason, and logged with its origin, once in a while", async () => {
    const { ask, refused, warnings } = await edge();
    const foreign = upgradeText({ Origin: "http://localhost:3000" });
    for (const request of [foreign, foreign, upgradeText({}, "/ws?token=x"), upgradeText({ Upgrade: undefined })]) {
      await ask(request);
    }
    expect(status(await ask(foreign))).toBe(403);
    expect([await refused("origin"), await refused("token_in_query"), await refused("not_websocket")]).toEqual([
      3, 1, 1,
    ]);
    expect(warnings).toEqual([
      { reason: "origin", origin: "http://localhost:3000", count: 1 },
      { reason: "token_in_query", origin: "", count: 1 },
      { reason: "not_websocket", origin: "", count: 1 },
    ]);
  });

  it("is not answered together with others that did not wait for its answer", async () => {
    const { connect, refused } = await edge();
    const peer = await connect();
    peer.write(upgradeText({ Origin: "https://evil.example" }).repeat(1000));
    await peer.closed;
    expect(await refused("origin")).toBeLessThanOrEqual(2);
  });

  it("that is refused spends nothing that others need, and its address pays", async () => {
    const { ask, refused } = await edge({ connectsPerSec: 1 });
    const bad = upgradeText({ Origin: "https://evil.example" });
    // Some are forgiven meanwhile.
    const answers = new Set<number>();
    for (let n = 0; n < 10 * REFUSAL_BURST && !answers.has(429); n += 1)
      answers.add(status(await ask(bad, "127.0.0.9")));
    expect(answers).toEqual(new Set([403, 429]));
    expect(await refused("origin")).toBeGreaterThanOrEqual(REFUSAL_BURST);
    expect(status(await ask(upgradeText(), "127.0.0.8")), "of another address").toBe(101);
  });

  it("whose socket then shows no good token is paid by its address too", async () => {
    const bad: Verified = { ok: false, code: "unauthenticated", message: "no" };
    const { connect, ask } = await edge({ verified: bad });
    const answers = new Set<number>();
    for (let n = 0; n < 10 * REFUSAL_BURST && !answers.has(429); n += 1) {
      const peer = await connect("127.0.0.7");
      peer.write(upgradeText({ Authorization: "Bearer a.b.c" }));
      await peer.closed;
      answers.add(status(peer.text()));
      if (status(peer.text()) === 101) expect(closeOf(peer.frames())).toEqual({ code: 4401, reason: "token" });
    }
    expect(answers).toEqual(new Set([101, 429]));
    expect(status(await ask(upgradeText(), "127.0.0.5")), "another address").toBe(101);
  });

  it("with a token that cannot be checked now is closed with 4005, which is nobody's fault", async () => {
    const { connect, ask } = await edge({ verified: { ok: false, code: "unavailable", message: "away" } });
    for (let n = 0; n < 2 * REFUSAL_BURST; n += 1) {
      const peer = await connect("127.0.0.6");
      peer.write(upgradeText({ Authorization: "Bearer a.b.c" }));
      await peer.closed;
      expect(closeOf(peer.frames())).toEqual({ code: 4005, reason: "overloaded" });
    }
    expect(status(await ask(upgradeText(), "127.0.0.6"))).toBe(101);
  });
});

describe("connections of an address behind a trusted proxy", () => {
  it("are counted by what the proxy said last, on any line of the header and with any port", async () => {
    const { open, ask } = await edge({ connectionsPerAddress: 1 });
    const behind = (...forwarded: string[]) => upgradeText({ "X-Forwarded-For": forwarded });
    await open({ "X-Forwarded-For": ["198.51.100.1", "203.0.113.9:1001"] });
    expect(status(await ask(behind("198.51.100.2", "203.0.113.9:1002"))), "the same client").toBe(503);
    expect(status(await ask(behind("203.0.113.9", "198.51.100.3"))), "one that names its victim").toBe(101);
    await open({ "X-Forwarded-For": "[2001:db8:0:1::1]:1001" });
    expect(status(await ask(behind("[2001:db8:0:1::2]:1002")))).toBe(503);
    expect(status(await ask(behind("[2001:db8:0:2::1]")))).toBe(101);
  });

  it("are all the proxy's when it does not say", async () => {
    const { open, ask } = await edge({ connectionsPerAddress: 1 });
    await open({ "X-Forwarded-For": "unknown" });
    expect(status(await ask(upgradeText({ "X-Forwarded-For": "for=203.0.113.9" })))).toBe(503);
  });
});

describe("the sign of life", () => {
  it("answers GET, and HEAD without a body, on one connection", async () => {
    const { connect } = await edge();
    const peer = await connect();
    peer.write("HEAD /livez HTTP/1.1\r\nHost: edge.test\r\n\r\n");
    await poll(peer.text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
    peer.write("GET /livez HTTP/1.1\r\nHost: edge.test\r\n\r\n");
    await poll(peer.text).toMatch(/\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok\n$/);
  });

  it("is refused by the layer in HTTP/1.0, as everything is", async () => {
    const { ask } = await edge();
    expect(status(await ask("GET /livez HTTP/1.0\r\n\r\n"))).toBe(505);
  });

  it("answers nobody out of turn: whoever does not wait for the answer is cut", async () => {
    const { connect } = await edge();
    const peer = await connect();
    peer.write("GET /livez HTTP/1.1\r\nHost: edge.test\r\n\r\n".repeat(1000));
    await peer.closed;
    expect(peer.text()).toBe("");
  });
});

describe("control frames", () => {
  const pongs = (peer: RawPeer): number => peer.frames().filter(({ opcode }) => opcode === PONG).length;

  it.each([
    ["pings", PING_BYTES],
    ["pongs", clientFrame(PONG, "")],
    [
      "pings and pongs of 125 bytes",
      Buffer.concat([clientFrame(9, "x".repeat(125)), clientFrame(PONG, "x".repeat(125))]),
    ],
  ])("beyond the rate of frames end the session with 4006: %s", async (_what, frame) => {
    const { open, hub } = await edge();
    const peer = await open();
    peer.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame)));
    await poll(() => hub.counts().sessions).toBe(0);
    await peer.closed;
    expect(closeOf(peer.frames())).toEqual({ code: 4006, reason: "too_fast" });
    expect(pongs(peer)).toBeLessThanOrEqual(COMMAND_BURST + 1);
  });

  it("beyond it end a socket before it has said who it is", async () => {
    const { connect, unidentified } = await edge();
    const peer = await connect();
    peer.write(upgradeText());
    await poll(() => unidentified.size).toBe(1);
    peer.write(Buffer.concat(Array.from({ length: 20_000 }, () => PING_BYTES)));
    await peer.closed;
    expect(closeOf(peer.frames()).code).toBe(4006);
    expect(unidentified.size).toBe(0);
  });

  it("within it are answered, and keep a session alive", async () => {
    const { open } = await edge();
    const peer = await open();
    peer.write(Buffer.concat(Array.from({ length: COMMAND_BURST }, () => PING_BYTES)));
    await poll(() => pongs(peer)).toBe(COMMAND_BURST);
    peer.write(clientFrame(TEXT, JSON.stringify({ type: "ping" })));
    await poll(() => peer.frames().at(-1)?.payload.toString()).toBe("ping");
    expect(peer.isClosed()).toBe(false);
  });
});

describe("a client that reads too slowly", () => {
  /** Fills the buffers of a client that has stopped reading, until something had to be dropped. */
  const fill = async ({ hub }: Awaited<ReturnType<typeof edge>>, peer: RawPeer): Promise<Session> => {
    const [session] = hub.sessions();
    if (session === undefined) throw new Error("there is no session");
    peer.pause();
    const text = "x".repeat(1024);
    for (let n = 0; n < FLOOD_FRAMES && session.farewellAtMs === undefined; n += 1) {
      session.tell(text);
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(session.farewellAtMs, "something was dropped").toBeDefined();
    return session;
  };

  it("and catches up sees everything that stood before it, then 4001, and nothing that was said later", async () => {
    const rig = await edge();
    const peer = await rig.open();
    const session = await fill(rig, peer);
    session.tell("too late");
    expect(rig.hub.counts().sessions, "it is counted as long as it holds a buffer").toBe(1);
    peer.resume();
    await poll(() => closeOf(peer.frames())).toEqual({ code: 4001, reason: "slow" });
    await peer.closed;
    expect(rig.hub.counts().sessions).toBe(0);
    const frames = peer.frames();
    expect(frames.at(-1)?.opcode).toBe(CLOSE);
    expect(frames.some(({ payload }) => payload.toString() === "too late")).toBe(false);
  });

  it("and does not is cut, which it sees as 1006, and counted as slow", async () => {
    const rig = await edge({ lastWordsMs: 50 });
    const peer = await rig.open();
    await fill(rig, peer);
    await poll(() => rig.hub.counts().sessions).toBe(0);
    peer.resume();
    await peer.closed;
    expect(closeOf(peer.frames()).code).toBe(1006);
    expect((await rig.registry.render()).text).toContain('rookery_edge_disconnects_total{reason="slow"} 1');
  });

  it("is cut at once when it goes on sending faster than frames may come", async () => {
    const rig = await edge();
    const peer = await rig.open();
    await fill(rig, peer);
    peer.write(Buffer.concat(Array.from({ length: 1000 }, () => clientFrame(TEXT, "{}"))));
    await poll(() => rig.hub.counts().sessions).toBe(0);
  });

  it("no longer takes a place among its user's connections, though it is still there", async () => {
    const rig = await edge();
    const slow = await rig.open();
    await fill(rig, slow);
    const others = [];
    for (let n = 0; n < 10; n += 1) others.push(await rig.open());
    expect(rig.hub.counts().sessions).toBe(11);
    await rig.open();
    await others[0]?.closed;
    expect(closeOf(others[0]?.frames() ?? []).code).toBe(4509);
  });
});
