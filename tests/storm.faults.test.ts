// A storm of reconnects on one edge: hundreds who were cut at once come back at once, each from where it stood, while others
// speak. What it costs Postgres, what those who came back are given, and what those who stayed wait for.
import { setTimeout as delay } from "node:timers/promises";
import { createMinter } from "@rookery/auth";
import { testPostgres, testRedis } from "@rookery/testkit";
import type { Frame } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { startEdge } from "./edge-process.ts";
import { openRaw, UpgradeRefused } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";
import { startStatementCounter } from "./statement-counter.ts";
import { UNHURRIED } from "./talk.ts";

const CLIENTS = 600;
const CHANNELS = 20;
const AT_ONCE = 50;
/** Fewer than come, so that on a quick machine most are told to come again. */
const CONNECTS_PER_SEC = 200;
const MISSED = 3;
const PACE_MS = 20;
/** An edge looks now and then whether Postgres is there, however many come. */
const MOST_BY_THE_CLOCK = 8;
const BACK_WITHIN_MS = 60_000;
const WHOLE_TEST_MS = 120_000;
const ISSUED = { secret: "storm-secret-0123456789-abcdefghijkl", issuer: "rookery", audience: "rookery" };

/** Nothing happened, or the same again is no second message. */
const PASSING: ReadonlySet<string> = new Set(["unavailable", "overloaded", "unknown"]);

type Ask = { ref: string } & Record<string, unknown>;
interface Stood {
  readonly epoch: number;
  readonly seq: number;
}

const channelOf = (n: number): string => `storm-${n % CHANNELS}`;

async function ask(socket: RawSocket, frame: Ask): Promise<Frame> {
  socket.send(JSON.stringify(frame));
  return socket.waitFor(({ ref }) => ref === frame.ref);
}

it(
  "hundreds who come back at once ask Postgres nothing, miss nothing, and hold up nobody's sends",
  async () => {
    const [{ url: redisUrl }, { url: postgresUrl }] = await Promise.all([testRedis(), testPostgres()]);
    const counter = await startStatementCounter(postgresUrl);
    onTestFinished(() => counter.close());
    const edge = await startEdge({
      ...UNHURRIED,
      ...{ ROOKERY_REDIS_URL: redisUrl, ROOKERY_POSTGRES_URL: counter.url, ROOKERY_JWT_SECRET: ISSUED.secret },
      ...{ ROOKERY_CHANNELS_AUTO_CREATE: "public", ROOKERY_LOOPBACK_EXEMPT: "true" },
      ROOKERY_CONNECTS_PER_SEC: String(CONNECTS_PER_SEC),
    });
    const minter = createMinter(ISSUED);
    const sockets: RawSocket[] = [];
    onTestFinished(() => sockets.forEach((socket) => socket.cut()));

    /** As a client should: whoever is refused comes again a second later, not all at the same moment. */
    async function enter(user: string): Promise<RawSocket> {
      const { token } = await minter.mint({ user, ttlSec: 600 });
      for (;;) {
        try {
          const socket = await openRaw(edge.ws, { headers: { authorization: `Bearer ${token}` } });
          sockets.push(socket);
          await socket.waitFor(({ type }) => type === "welcome");
          return socket;
        } catch (error) {
          if (!(error instanceof UpgradeRefused) || error.status !== 503) throw error;
          await delay(1000 + Math.random() * 1000);
        }
      }
    }

    await expect.poll(async () => (await fetch(`${edge.internal}/readyz`)).status, { timeout: 10_000 }).toBe(200);
    const speaker = await enter("speaker");
    /** Until it is done: a machine that has to bear the storm and all its clients may be too slow for a deadline. */
    async function say(channel: string, id: string): Promise<Frame> {
      for (let tries = 0; ; tries += 1) {
        const reply = await ask(speaker, { type: "send", ref: `${id}-${tries}`, channel, clientId: id, body: "hello" });
        if (!PASSING.has(String(reply.code))) return reply;
        await delay(reply.retryAfterMs ?? PACE_MS);
      }
    }
    for (let n = 0; n < CHANNELS; n += 1) {
      expect(await ask(speaker, { type: "join", ref: `in-${n}`, channel: channelOf(n) })).toMatchObject({ type: "ok" });
      expect(await say(channelOf(n), `first-${n}`)).toMatchObject({ type: "ok" });
    }
    const stood: Stood[] = [];
    const crowd: RawSocket[] = [];
    for (let from = 0; from < CLIENTS; from += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, async (_, n): Promise<void> => {
        const socket = await enter(`user-${from + n}`);
        const { epoch = 0, seq = 0 } = await ask(socket, { type: "join", ref: "in", channel: channelOf(from + n) });
        crowd.push(socket);
        stood[from + n] = { epoch, seq };
      });
      await Promise.all(some);
    }

    for (const socket of crowd) socket.cut();
    const missed = await Promise.all(
      Array.from({ length: CHANNELS * MISSED }, (_, n) => say(channelOf(n), `missed-${n}`)),
    );
    expect(missed.map(({ type }) => type)).toEqual(missed.map(() => "ok"));
    const before = counter.count();
    let isOver = false;
    const spoken = (async () => {
      const answers: Frame[] = [];
      for (let n = 0; !isOver; n += 1) {
        answers.push(await say(channelOf(0), `meanwhile-${n}`));
        await delay(PACE_MS);
      }
      return answers;
    })();
    const backAtMs: number[] = [];
    const cutAtMs = performance.now();
    const replies = await Promise.all(
      stood.map(async (after, n) => {
        const socket = await enter(`user-${n}`);
        const reply = await ask(socket, { type: "join", ref: "back", channel: channelOf(n), after });
        backAtMs.push(performance.now() - cutAtMs);
        return reply;
      }),
    );
    isOver = true;
    const answers = await spoken;

    expect(counter.count() - before, "statements for all who came back").toBeLessThanOrEqual(MOST_BY_THE_CLOCK);
    expect(replies.filter(({ type, recovered }) => type !== "ok" || recovered !== true)).toEqual([]);
    for (const [n, { messages = [] }] of replies.entries()) {
      const wanted = Array.from({ length: MISSED }, (_, m) => `missed-${(n % CHANNELS) + m * CHANNELS}`);
      expect(messages.slice(0, MISSED).map(({ clientId }) => clientId)).toEqual(wanted);
    }
    expect(answers.length).toBeGreaterThan(0);
    expect(answers.filter(({ type }) => type !== "ok")).toEqual([]);
    expect(Math.max(...backAtMs)).toBeLessThan(BACK_WITHIN_MS);
  },
  WHOLE_TEST_MS,
);
