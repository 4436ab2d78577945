// Contract of the public port against real sockets in this process: what an upgrade is answered, who counts as whom, what
// a flood of control frames or of refused requests costs, and what a client sees that reads slowly or not at all.
import { describe, expect, it, onTestFinished } from "vitest";
import { clientFrame, CLOSE, closeOf, PING_BYTES, PONG, rawPeer, TEXT, upgradeText } from "../../../tests/raw-peer.ts";
import type { RawPeer } from "../../../tests/raw-peer.ts";
import { doorRig, ORIGIN } from "./door.fixture.ts";
import type { DoorRig } from "./door.fixture.ts";
import { createFanOut } from "./fan-out.ts";
import { SMALL_BUFFERS, slowReaders } from "./lanes/slow-readers.fixture.ts";
import { listen } from "./listener.ts";
import { createMembership } from "./membership.ts";
import { ALONE, COMMAND_BURST } from "./session.fixture.ts";
import type { Session } from "./session.ts";

const HARD_BUFFER_BYTES = 64 * 1024;
/** More than the kernels of both ends take for a peer that does not read, and the buffer on top. */
const FLOOD_FRAMES = 20_000;
const OFTEN = { interval: 2, timeout: 5000 };

/** Tells a session whose client has stopped reading more and more, over many turns, until something had to be dropped. */
async function flood(session: Session): Promise<void> {
  const text = "x".repeat(1024);
  for (let n = 0; n < FLOOD_FRAMES && session.farewellAtMs === undefined; n += 1) {
    session.tell(text);
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(session.farewellAtMs, "something was dropped").toBeDefined();
}

/** The public port with a door and sessions, on a free port of this machine. */
async function edge({ lastWordsMs = 10_000, ...options }: DoorRig & { lastWordsMs?: number } = {}) {
  const rig = doorRig(options);
  const slow = slowReaders(rig.hub.sessions, { ...SMALL_BUFFERS, hardBufferBytes: HARD_BUFFER_BYTES });
  const looks = slow.start();
  onTestFinished(() => looks.stop());
  const listener = await listen({
    ...{ lanes: slow.lanes, missed: slow.missed },
    ...{
      host: "127.0.0.1",
      port: 0,
      door: rig.door,
      intake: rig.intake,
      hardBufferBytes: HARD_BUFFER_BYTES,
      idleMs: 45_000,
      ...{ pace: { beatMs: () => 0 }, everybody: () => [] },
    },
    wire: { controlPerSec: 50, controlBurst: COMMAND_BURST, lastWordsMs },
  });
  onTestFinished(() => listener.close());

  const connect = async (): Promise<RawPeer> => {
    const peer = await rawPeer(listener.port);
    onTestFinished(peer.destroy);
    return peer;
  };
  /** The answer to one request, head and what came with it. */
  const ask = async (request: string): Promise<string> => {
    const peer = await connect();
    peer.write(request);
    await expect.poll(peer.text, OFTEN).toMatch(/\r\n\r\n/);
    return peer.text();
  };
  /** An upgraded socket with its user. */
  const open = async (headers: Record<string, string | string[]> = {}): Promise<RawPeer> => {
    const peer = await connect();
    peer.write(upgradeText({ Authorization: "Bearer a.b.c", ...headers }));
    await expect.poll(() => peer.frames().length, OFTEN).toBeGreaterThan(0);
    return peer;
  };
  return { ...rig, listener, slow, connect, ask, open };
}

const at = (seq: number) => ({ epoch: 7, seq });

const status = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

describe("a request for an upgrade", () => {
  it.each([
    ["version 8", { "Sec-WebSocket-Version": "8" }],
    ["version 99", { "Sec-WebSocket-Version": "99" }],
    ["versions on two lines", { "Sec-WebSocket-Version": ["13", "8"] }],
    ["no version", { "Sec-WebSocket-Version": undefined }],
    ["no Upgrade", { Upgrade: undefined }],
    ["an Upgrade to something else", { Upgrade: "h2c" }],
    ["neither Upgrade nor key", { "Sec-WebSocket-Key": undefined, Upgrade: undefined }],
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

  it("may offer its sub-protocols in several lines", async () => {
    const { ask, hub } = await edge();
    const bearer = `bearer.${Buffer.from("a.b.c").toString("base64url")}`;
    const answer = await ask(upgradeText({ "Sec-WebSocket-Protocol": ["rookery.v1", bearer] }));
    expect(answer).toMatch(/\r\nSec-WebSocket-Protocol: rookery\.v1\r\n/);
    await expect.poll(() => hub.counts().sessions, OFTEN).toBe(1);
  });

  it.each<[string, DoorRig, number]>([
    ["finds the node full", { maxConnections: 0 }, 5],
    ["is one more than its address may have", { connectionsPerAddress: 0 }, 5],
    ["comes when this second's accepts are spent", { connectsPerSec: 1 }, 1],
  ])("that %s is told when to come back", async (_what, options, afterSec) => {
    const { ask, open } = await edge(options);
    if (options.connectsPerSec !== undefined) await open();
    expect(await ask(upgradeText())).toMatch(new RegExp(`^HTTP/1\\.1 503 [^]*\\r\\nRetry-After: ${afterSec}\\r\\n`));
  });

  it("that came when the accepts were spent is taken once it has waited as told", async () => {
    const { ask, open, metric } = await edge({ connectsPerSec: 5 });
    for (let n = 0; n < 5; n += 1) await open();
    expect(status(await ask(upgradeText()))).toBe(503);
    await expect.poll(async () => status(await ask(upgradeText())), OFTEN).toBe(101);
    expect(await metric('rookery_edge_upgrades_refused_total{reason="too_many_at_once"}')).toBeGreaterThan(0);
  });

  it.each([
    ["one that may and one that may not", [ORIGIN, "https://evil.example"]],
    ["one twice", [ORIGIN, ORIGIN]],
    ["none that may", "null"],
    ["one that only begins so", `${ORIGIN}.evil.test`],
    ["one that only ends so", `https://evil.test/${ORIGIN}`],
  ])("of a page of %s is answered 403, also with a cookie", async (_what, origin) => {
    const { ask } = await edge();
    expect(status(await ask(upgradeText({ Origin: origin })))).toBe(403);
    expect(status(await ask(upgradeText({ Origin: origin, Cookie: "rookery_token=a.b.c" })))).toBe(403);
  });

  it("with more headers than the layer reads is answered 431, and its connection ends", async () => {
    const { connect } = await edge();
    const peer = await connect();
    peer.write(upgradeText({ "X-Long": "x".repeat(64 * 1024) }));
    await peer.closed;
    expect(status(peer.text())).toBe(431);
  });

  it("that offers compression is answered without, and a compressed frame ends the connection", async () => {
    const { open } = await edge();
    const peer = await open({ "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" });
    expect(peer.text()).not.toMatch(/sec-websocket-extensions/i);
    const compressed = clientFrame(TEXT, "hello");
    compressed[0] = (compressed[0] ?? 0) | 0x40;
    peer.write(compressed);
    await peer.closed;
    expect(peer.frames().filter(({ opcode }) => opcode === TEXT)).toHaveLength(1);
  });

  it("is not answered together with others that did not wait for its answer", async () => {
    const { connect, metric } = await edge();
    const peer = await connect();
    peer.write(upgradeText({ Origin: "https://evil.example" }).repeat(1000));
    await peer.closed;
    expect(await metric('rookery_edge_upgrades_refused_total{reason="origin"}')).toBeLessThanOrEqual(2);
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
    await expect.poll(peer.text, OFTEN).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n$/);
    peer.write("GET /livez HTTP/1.1\r\nHost: edge.test\r\n\r\n");
    await expect.poll(peer.text, OFTEN).toMatch(/ok\n$/);
    expect(peer.text()).toMatch(/\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nok\n$/);
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
    await expect.poll(() => hub.counts().sessions, OFTEN).toBe(0);
    await peer.closed;
    expect(closeOf(peer.frames())).toEqual({ code: 4006, reason: "too_fast" });
    expect(pongs(peer)).toBeLessThanOrEqual(COMMAND_BURST + 1);
  });

  it("beyond it end a socket before it has said who it is", async () => {
    const { connect, unidentified } = await edge();
    const peer = await connect();
    peer.write(upgradeText());
    await expect.poll(() => unidentified.size, OFTEN).toBe(1);
    peer.write(Buffer.concat(Array.from({ length: 20_000 }, () => PING_BYTES)));
    await peer.closed;
    expect(closeOf(peer.frames()).code).toBe(4006);
    expect(unidentified.size).toBe(0);
  });

  it("within it are answered, and keep a session alive", async () => {
    const { open } = await edge();
    const peer = await open();
    peer.write(Buffer.concat(Array.from({ length: COMMAND_BURST }, () => PING_BYTES)));
    await expect.poll(() => pongs(peer), OFTEN).toBe(COMMAND_BURST);
    peer.write(clientFrame(TEXT, JSON.stringify({ type: "ping" })));
    await expect.poll(() => peer.frames().at(-1)?.payload.toString(), OFTEN).toBe("ping");
    expect(peer.isClosed()).toBe(false);
  });
});

describe("a signal", () => {
  const texts = (peer: RawPeer): string[] =>
    peer
      .frames()
      .filter(({ opcode }) => opcode === TEXT)
      .map(({ payload }) => payload.toString());

  /** Two members of a channel and one who sits elsewhere, each with its session. */
  const lounge = async () => {
    const rig = await edge();
    const membership = createMembership({
      hub: rig.hub,
      relays: { release: () => undefined },
      entered: ALONE,
      leavers: [],
    });
    const deliveries = { n: 0 };
    const { missed, shed } = rig.slow;
    const fanOut = createFanOut({ ...{ hub: rig.hub, missed, shed, deliveries }, publish: rig.listener.publish });
    const peers = [await rig.open(), await rig.open(), await rig.open()] as const;
    const [first, second, third] = [...rig.hub.sessions.values()];
    if (first === undefined || second === undefined || third === undefined) throw new Error("a session is missing");
    membership.enter(first, "lounge");
    membership.enter(second, "lounge");
    membership.enter(third, "attic");
    return { hub: rig.hub, fanOut, deliveries, peers, sessions: [first, second, third] as const };
  };

  it("reaches every member but the session that it excludes, in its order among sequenced frames", async () => {
    const { fanOut, deliveries, peers, sessions } = await lounge();
    fanOut.publish("lounge", "1", at(1));
    fanOut.signal("lounge", "typing", sessions[0].id);
    fanOut.publish("lounge", "2", at(2));
    fanOut.signal("lounge", "all", "");
    fanOut.publish("attic", "3", at(3));
    await expect.poll(() => texts(peers[1]).slice(1), OFTEN).toEqual(["1", "typing", "2", "all"]);
    await expect.poll(() => texts(peers[0]).slice(1), OFTEN).toEqual(["1", "2", "all"]);
    await expect.poll(() => texts(peers[2]).slice(1), OFTEN).toEqual(["3"]);
    expect(deliveries.n).toBe(2 + 1 + 2 + 2 + 1);
  });

  it("reaches all members where the excluded session sits elsewhere or is on its way out", async () => {
    const { hub, fanOut, deliveries, peers, sessions } = await lounge();
    fanOut.signal("lounge", "not of here", sessions[2].id);
    expect(deliveries.n).toBe(2);
    peers[0].pause();
    await flood(sessions[0]);
    expect(hub.counts().sessions, "it is there until it has read what stands before its farewell").toBe(3);
    fanOut.signal("lounge", "leaving", sessions[0].id);
    await expect.poll(() => texts(peers[1]).slice(1), OFTEN).toEqual(["not of here", "leaving"]);
  });
});

describe("a frame that excludes a session", () => {
  it("reaches everybody else where that session has left since", async () => {
    const rig = await edge();
    const [peer] = [await rig.open(), await rig.open()];
    const [first, second] = [...rig.hub.sessions.values()];
    first?.wire?.subscribe("s/lounge");
    second?.wire?.subscribe("s/lounge");
    second?.wire?.unsubscribe("s/lounge");
    rig.listener.publish("s/lounge", "typing", second);
    await expect.poll(() => peer.frames().at(-1)?.payload.toString(), OFTEN).toBe("typing");
  });
});

describe("a client that reads too slowly", () => {
  /** Fills the buffers of a client that has stopped reading, until something had to be dropped. */
  const fill = async ({ hub }: Awaited<ReturnType<typeof edge>>, peer: RawPeer): Promise<Session> => {
    const [session] = hub.sessions.values();
    if (session === undefined) throw new Error("there is no session");
    peer.pause();
    await flood(session);
    return session;
  };

  it("and catches up sees everything that stood before it, then 4001, and nothing that was said later", async () => {
    const rig = await edge();
    const peer = await rig.open();
    const session = await fill(rig, peer);
    session.tell("too late");
    expect(rig.hub.counts().sessions, "it is counted as long as it holds a buffer").toBe(1);
    peer.resume();
    await expect.poll(() => closeOf(peer.frames()), OFTEN).toEqual({ code: 4001, reason: "slow" });
    await peer.closed;
    expect(rig.hub.counts().sessions).toBe(0);
    const frames = peer.frames();
    expect(frames.at(-1)?.opcode).toBe(CLOSE);
    expect(frames.some(({ payload }) => payload.toString() === "too late")).toBe(false);
  });

  it("stays, misses no answer, and is told of exactly what it was not given of its channel, however it reads on", async () => {
    const { hub, slow, listener, open } = await edge();
    const { lanes, missed, shed, metrics } = slow;
    const membership = createMembership({
      ...{ hub, relays: { release: () => undefined }, entered: ALONE, leavers: [lanes.left] },
    });
    const fanOut = createFanOut({ ...{ hub, missed, shed, deliveries: { n: 0 } }, publish: listener.publish });
    const peer = await open();
    const [session] = hub.sessions.values();
    if (session === undefined) throw new Error("there is no session");
    membership.enter(session, "lounge");
    let published = 0;
    const publish = (): void => {
      published += 1;
      fanOut.publish("lounge", JSON.stringify({ seq: published, pad: "x".repeat(60_000) }), at(published));
    };
    const heard = (): Record<string, unknown>[] =>
      peer
        .frames()
        .filter(({ opcode, payload }) => opcode === TEXT && payload[0] === "{".charCodeAt(0))
        .map(({ payload }): Record<string, unknown> => JSON.parse(payload.toString("latin1")));
    // More than both kernels take; then a little in each turn, while the reader makes room.
    peer.pause();
    for (let n = 0; n < 400; n += 1) publish();
    await expect.poll(() => lanes.sizes().byLane.behind, OFTEN).toBe(1);
    session.tell('{"answer":1}');
    expect(lanes.sizes().keptBytes, "it waits for the end of the turn").toBe(0);
    await expect.poll(() => lanes.sizes().keptBytes, OFTEN).toBe(12);
    peer.resume();
    for (let n = 0; n < 100; n += 1) {
      publish();
      if (n % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await expect
      .poll(() => lanes.sizes().byLane, { ...OFTEN, timeout: 20_000 })
      .toMatchObject({ behind: 0, catching_up: 0 });
    publish();
    await expect.poll(() => heard().some(({ seq }) => seq === published), { interval: 50, timeout: 20_000 }).toBe(true);
    let cursor = 0;
    const untold: unknown[] = [];
    for (const { seq, from, to } of heard()) {
      const first = Number(seq ?? Object(from).seq ?? 0);
      if (first > cursor + 1) untold.push([cursor, first]);
      cursor = Math.max(cursor, Number(seq ?? Object(to).seq ?? 0));
    }
    expect(untold, "jumps that no gap covers").toEqual([]);
    expect(cursor).toBe(published);
    expect(heard().filter(({ answer }) => answer === 1)).toHaveLength(1);
    expect(metrics.lanes.gapsTold.n).toBeGreaterThan(0);
    expect(peer.isClosed()).toBe(false);
  }, 60_000);

  it("and does not is cut, which it sees as 1006, and counted as slow", async () => {
    const rig = await edge({ lastWordsMs: 50 });
    const peer = await rig.open();
    await fill(rig, peer);
    await expect.poll(() => rig.hub.counts().sessions, OFTEN).toBe(0);
    peer.resume();
    await peer.closed;
    expect(closeOf(peer.frames()).code).toBe(1006);
    expect(await rig.metric('rookery_edge_disconnects_total{reason="slow"}')).toBe(1);
  });

  it("is cut at once when it goes on sending faster than frames may come", async () => {
    const rig = await edge();
    const peer = await rig.open();
    await fill(rig, peer);
    peer.write(Buffer.concat(Array.from({ length: 1000 }, () => clientFrame(TEXT, "{}"))));
    await expect.poll(() => rig.hub.counts().sessions, OFTEN).toBe(0);
    expect(peer.frames().some(({ opcode }) => opcode === CLOSE)).toBe(false);
  });

  it("no longer counts among its user's connections, though it is still there", async () => {
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
