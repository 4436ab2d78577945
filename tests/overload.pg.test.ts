// What an edge with too much to do gives up, and in which order: real edges whose loop is made late by stopping the process again
// and again, or that may use next to no memory.
import { request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { createMinter } from "@rookery/auth";
import { eventually, testPostgres, testRedis } from "@rookery/testkit";
import type { Frame } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { startEdge } from "./edge-process.ts";
import type { EdgeProcess } from "./edge-process.ts";
import { openWelcomed } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";
import { UNHURRIED } from "./talk.ts";

const CHANNEL = "lobby";
const LATE_MS = 100;
/** Far over four times of it, and far under the two seconds for which rights count. */
const STOPPED_MS = 650;
const RUNNING_MS = 80;
const SENDS = 30;
const HEALED_WITHIN_MS = 20_000;
const ISSUED = { secret: "overload-secret-0123456789-abcdefghij", issuer: "rookery", audience: "rookery" };
const minter = createMinter(ISSUED);

async function overloadedEdge(settings: Record<string, string>): Promise<EdgeProcess> {
  const [{ url: redisUrl }, { url: postgresUrl }] = await Promise.all([testRedis(), testPostgres()]);
  return startEdge({
    ...UNHURRIED,
    ...{ ROOKERY_REDIS_URL: redisUrl, ROOKERY_POSTGRES_URL: postgresUrl, ROOKERY_JWT_SECRET: ISSUED.secret },
    ROOKERY_CHANNELS_AUTO_CREATE: "public",
    ...settings,
  });
}

async function member(edge: EdgeProcess, user: string): Promise<RawSocket> {
  const { token } = await minter.mint({ user, ttlSec: 600 });
  const socket = await openWelcomed(edge.ws, token);
  onTestFinished(() => socket.cut());
  expect(await ask(socket, { type: "join", ref: "in", channel: CHANNEL })).toMatchObject({ type: "ok" });
  return socket;
}

async function ask(socket: RawSocket, frame: { ref: string } & Record<string, unknown>): Promise<Frame> {
  socket.send(JSON.stringify(frame));
  return socket.waitFor(({ ref }) => ref === frame.ref);
}

/** What a plain upgrade is answered. */
function knock(edge: EdgeProcess): Promise<{ status: number | undefined; retryAfter: string | undefined }> {
  const key = Buffer.alloc(16).toString("base64");
  const headers = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": key,
  };
  return new Promise((resolve, reject) => {
    const knocking = request(edge.ws.replace("ws:", "http:"), { headers });
    knocking.on("response", (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode, retryAfter: answer.headers["retry-after"] });
    });
    knocking.on("upgrade", (answer, socket) => {
      socket.destroy();
      resolve({ status: answer.statusCode, retryAfter: undefined });
    });
    knocking.on("error", reject);
    knocking.end();
  });
}

async function metric(edge: EdgeProcess, sample: string): Promise<number> {
  const text = await (await fetch(`${edge.internal}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
  return Number(line?.slice(sample.length));
}

/** Stops the process again and again until told to leave it alone. */
function makeLate(edge: EdgeProcess): () => Promise<void> {
  let isOver = false;
  const pulses = (async () => {
    while (!isOver) {
      edge.signal("SIGSTOP");
      await delay(STOPPED_MS);
      edge.signal("SIGCONT");
      await delay(RUNNING_MS);
    }
  })();
  return async () => {
    isOver = true;
    await pulses;
  };
}

it("an edge whose loop is late takes nobody new, no signal and no read of the past, does every send, and then all again", async () => {
  const edge = await overloadedEdge({ ROOKERY_LATE_LOOP_MS: String(LATE_MS) });
  const level = (): Promise<number> => metric(edge, "rookery_edge_overload_state");
  await expect.poll(() => knock(edge), { timeout: HEALED_WITHIN_MS }).toMatchObject({ status: 101 });
  const [ann, bob] = [await member(edge, "ann"), await member(edge, "bob")];
  const leaveAlone = makeLate(edge);
  onTestFinished(leaveAlone);
  await expect.poll(level, { timeout: HEALED_WITHIN_MS }).toBe(3);

  const [turnedAway, typing, history, members] = await Promise.all([
    knock(edge),
    ask(bob, { type: "typing", ref: "typing", channel: CHANNEL, on: true }),
    ask(bob, { type: "history", ref: "history", channel: CHANNEL }),
    ask(bob, { type: "members", ref: "members", channel: CHANNEL }),
  ]);
  expect(turnedAway).toEqual({ status: 503, retryAfter: "2" });
  for (const refused of [typing, history, members])
    expect(refused).toMatchObject({ type: "error", code: "overloaded", retry: "later", channel: CHANNEL });
  expect(Number(history.retryAfterMs)).toBeGreaterThanOrEqual(1000);

  const sends = Array.from({ length: SENDS }, (_, n) => `late-${n}`);
  for (const each of sends)
    bob.send(JSON.stringify({ type: "send", ref: each, channel: CHANNEL, clientId: each, body: each }));
  const answers = await Promise.all(sends.map((each) => bob.waitFor(({ ref }) => ref === each)));
  expect(answers.map(({ type }) => type)).toEqual(sends.map(() => "ok"));
  expect(await level()).toBe(3);

  await leaveAlone();
  await expect.poll(level, { timeout: HEALED_WITHIN_MS }).toBe(0);
  expect(await knock(edge)).toMatchObject({ status: 101 });
  const page = await ask(ann, { type: "history", ref: "page", channel: CHANNEL, limit: 200 });
  expect(page.messages?.map(({ clientId }) => clientId)).toEqual(sends);
  await eventually(() =>
    expect(ann.frames.flatMap(({ type, clientId }) => (type === "message" ? [clientId] : []))).toEqual(sends),
  );
  const shed = (what: string): Promise<number> => metric(edge, `rookery_edge_shed_total{class="${what}"}`);
  expect(await Promise.all(["connection", "typing", "history"].map(shed))).toEqual([1, 1, 2]);
});

it("an edge that is short of memory takes nobody new and says so to its balancer", async () => {
  const edge = await overloadedEdge({ ROOKERY_MEMORY_BYTES: "1" });
  await expect.poll(() => knock(edge), { timeout: HEALED_WITHIN_MS }).toEqual({ status: 503, retryAfter: "2" });
  const readiness = async (): Promise<string> => {
    const answer = await fetch(`${edge.internal}/readyz`);
    return `${answer.status} ${await answer.text()}`;
  };
  await expect.poll(readiness, { timeout: HEALED_WITHIN_MS }).toBe("503 not ready: memory\n");
  expect(await metric(edge, "rookery_edge_memory_limit_bytes")).toBe(1);
  expect(await metric(edge, "rookery_edge_memory_used_ratio")).toBeGreaterThan(1);
});
