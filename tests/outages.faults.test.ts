import { setTimeout as delay } from "node:timers/promises";
import { startPostgres, startRedis } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import {
  checkHistories,
  connectClient,
  describeViolations,
  eventually,
  newClientId,
  startProxy,
} from "@rookery/testkit";
import type { ChatClient, Cluster, Frame, Proxy } from "@rookery/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { startEdge } from "./edge-process.ts";
import type { EdgeProcess } from "./edge-process.ts";
import { startLoggedCluster } from "./logged-cluster.ts";
import type { LoggedCluster } from "./logged-cluster.ts";
import { UNHURRIED } from "./talk.ts";

/** A speaker waits this long after each answer: what an impatient person does, and below every limit. */
const PACE_MS = 30;
const RECOVERED_WITHIN_MS = 10_000;

let redisServer: RunningServer;
let postgresServer: RunningServer;
/** Between the cluster and its stores. */
let redisWay: Proxy;
let postgresWay: Proxy;
/** Past the proxy, straight to the server. */
let redis: Redis;
let logged: LoggedCluster;
let cluster: Cluster;
const clients: ChatClient[] = [];

beforeAll(async () => {
  [redisServer, postgresServer] = await Promise.all([startRedis(), startPostgres()]);
  redisWay = await startProxy({ target: redisServer.url });
  postgresWay = await startProxy({ target: postgresServer.url });
  redis = new Redis(redisServer.url);
  logged = await startLoggedCluster({
    edges: 2,
    redisUrl: redisWay.url(),
    postgresUrl: postgresWay.url(),
    set: UNHURRIED,
  });
  cluster = logged.cluster;
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await logged?.stop();
  redis?.disconnect();
  await Promise.all([redisWay?.close(), postgresWay?.close()]);
  await Promise.all([redisServer?.stop(), postgresServer?.stop()]);
});

async function connect(user: string, edge: number): Promise<ChatClient> {
  const client = await cluster.client(user, { edge });
  clients.push(client);
  return client;
}

interface LogLine {
  level: string;
  msg: string;
}

const isLogLine = (value: unknown): value is LogLine =>
  typeof value === "object" && value !== null && "level" in value && "msg" in value;

const parseLog = (lines: string[]): LogLine[] =>
  lines
    .filter((line) => line.startsWith("{"))
    .map((line): unknown => JSON.parse(line))
    .filter(isLogLine);

const services = (): string[] =>
  cluster.ready.processes.filter(({ internal }) => internal !== undefined).map(({ name }) => name);

const logOf = async (name: string): Promise<LogLine[]> => parseLog(await logged.logOf(name));

/** What each process has logged from now until it is asked. */
async function watchLogs(): Promise<() => Promise<Map<string, LogLine[]>>> {
  const names = services();
  const before = await Promise.all(names.map(async (name) => (await logOf(name)).length));
  return async () =>
    new Map(await Promise.all(names.map(async (name, n) => [name, (await logOf(name)).slice(before[n])] as const)));
}

const textOf = ({ level, msg }: LogLine): string => `${level} ${msg}`;

/** Lines of trouble that came more than once. */
const repeatedTrouble = (lines: LogLine[]): string[] => {
  const trouble = lines.filter(({ level }) => !["info", "debug", "trace"].includes(level)).map(textOf);
  return trouble.filter((line, n) => trouble.indexOf(line) !== n);
};

/**
 * In each process one line warns that the store was lost, one tells that it is back, and no line of trouble comes twice.
 * Waits for the lines, since they go through `dev` on their way to a file.
 */
function expectOneLineEach(
  logsSince: () => Promise<Map<string, LogLine[]>>,
  store: "redis" | "postgres",
): Promise<unknown> {
  return eventually(async () => {
    for (const [name, lines] of await logsSince()) expectOneLine(lines, store, name);
  });
}

function expectOneLine(lines: LogLine[], store: "redis" | "postgres", name: string): void {
  const about = lines.filter(({ msg }) => msg.toLowerCase().includes(store));
  expect(
    about.map(({ level }) => level),
    `${name}: ${about.map(textOf).join(", ")}`,
  ).toEqual(["warn", "info"]);
  expect(about[0]?.msg).toMatch(/ (lost|is away)\b/);
  expect(about[1]?.msg).toMatch(/ (ready|is back)\b/);
  expect(repeatedTrouble(lines), name).toEqual([]);
}

const readiness = async (internal: string): Promise<number> => {
  const answer = await fetch(`${internal}/readyz`, { signal: AbortSignal.timeout(5000) });
  await answer.arrayBuffer();
  return answer.status;
};

const isEdge = (name: string): boolean => name.startsWith("edge");

/** All processes, or those whose name fits. */
const untilAllAre = (status: number, fits: (name: string) => boolean = () => true): Promise<unknown> =>
  eventually(
    async () => {
      const addresses = cluster.ready.processes.flatMap(({ name, internal }) =>
        internal === undefined || !fits(name) ? [] : [internal],
      );
      expect(await Promise.all(addresses.map(readiness))).toEqual(addresses.map(() => status));
    },
    { withinMs: RECOVERED_WITHIN_MS, everyMs: 100, what: `every process at ${status}` },
  );

/** What each process tells an operator who asks for all of it. */
const toldByAll = (): Promise<string[]> =>
  Promise.all(
    cluster.ready.processes.flatMap(({ internal }) =>
      internal === undefined ? [] : [fetch(`${internal}/readyz?verbose`).then((answer) => answer.text())],
    ),
  );

/** Of clients that do not come back by themselves: none has lost its connection. */
function expectNobodyDisconnected(who: ChatClient[]): void {
  for (const client of who) expect(client.history.events.filter(({ kind }) => kind === "closed")).toEqual([]);
}

async function expectPromisesKept(channel: string, who: ChatClient[]): Promise<void> {
  const acknowledged = new Set(
    who.flatMap(({ history }) =>
      history.events.flatMap((event) => (event.kind === "ok" && event.channel === channel ? [event.id] : [])),
    ),
  );
  const rows = await eventually(
    async () => {
      const found = await cluster.rows(channel);
      return found.length >= acknowledged.size && found;
    },
    { withinMs: RECOVERED_WITHIN_MS, what: "every acknowledged message in Postgres" },
  );
  await eventually(() => who.every((client) => client.inOrder(channel).length === rows.length), {
    what: "every message at every client",
  });
  const violations = checkHistories({ clients: who.map(({ history }) => history), rows });
  expect(describeViolations(violations)).toBe("");
  expect(who.flatMap((client) => client.problems())).toEqual([]);
  expect(new Set(rows.map(({ id }) => id))).toEqual(acknowledged);
}

interface Attempt {
  client: ChatClient;
  clientId: string;
  body: string;
  /** `ok`, or the error's code. */
  outcome: string;
}

/** Everybody speaks without pause until told to stop; what became of each message is kept. */
function startTalk(channel: string, who: ChatClient[]) {
  const attempts: Attempt[] = [];
  let isOver = false;
  const speak = async (client: ChatClient): Promise<void> => {
    for (let n = 0; !isOver; n += 1) {
      const [clientId, body] = [newClientId(), `${client.name} says ${n}`];
      const { type, code } = await client.send(channel, body, clientId);
      attempts.push({ client, clientId, body, outcome: type === "ok" ? "ok" : String(code) });
      await delay(PACE_MS);
    }
  };
  const ended = Promise.all(who.map(speak));
  return {
    attempts,
    /** Resolves once everybody has had this outcome so many times from now on. */
    until: async (outcome: string, times: number, withinMs = RECOVERED_WITHIN_MS): Promise<void> => {
      const from = attempts.length;
      await eventually(
        () =>
          who.every((client) => {
            const own = attempts.slice(from).filter((one) => one.client === client && one.outcome === outcome);
            return own.length >= times;
          }),
        { withinMs, what: `${times} times ${outcome} for everybody` },
      );
    },
    end: async (): Promise<void> => {
      isOver = true;
      await ended;
    },
  };
}

const isPersisted =
  ({ epoch, seq }: Frame) =>
  (frame: Frame): boolean =>
    frame.type === "persisted" && frame.epoch === epoch && frame.seq === seq;

describe("Redis", () => {
  it("forgets its scripts in the middle of sends, and everything goes on", async () => {
    const channel = "forgetful";
    const both = await Promise.all([connect("flush-left", 0), connect("flush-right", 1)]);
    for (const client of both) await client.join(channel);
    const talk = startTalk(channel, both);
    for (let times = 0; times < 5; times += 1) {
      await redis.script("FLUSH");
      await talk.until("ok", 10);
    }
    await talk.end();
    expect(talk.attempts.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    expect(await redis.info("errorstats"), "sends met the flush").toMatch(/errorstat_NOSCRIPT:count=[1-9]/);
    await expectPromisesKept(channel, both);
    expectNobodyDisconnected(both);
  });

  it("does what it was asked and its answer is lost: unknown, and the repeat finds the one message", async () => {
    const channel = "one-message";
    const [sender, reader] = await Promise.all([connect("unlucky", 0), connect("watcher", 1)]);
    for (const client of [sender, reader]) await client.join(channel);
    const first = await sender.send(channel, "the one before");
    const answer = Buffer.from(`ok\r\n:${first.epoch}\r\n:${(first.seq ?? 0) + 1}\r\n`);
    const lost = redisWay.loseNextReply((bytes) => bytes.includes(answer));
    const clientId = newClientId();
    const unknown = await sender.send(channel, "did it arrive?", clientId);
    await lost;
    expect(unknown).toMatchObject({ type: "error", code: "unknown", retry: "later" });
    const seen = await reader.waitFor(({ type, clientId: of }) => type === "message" && of === clientId);

    const repeat = await eventually(async () => {
      const reply = await sender.send(channel, "did it arrive?", clientId);
      return reply.type === "ok" && reply;
    });
    expect(repeat).toMatchObject({ duplicate: true, id: seen.id, epoch: seen.epoch, seq: seen.seq, clientId });
    expect(await sender.send(channel, "something else", clientId)).toMatchObject({ code: "conflict" });
    await sender.send(channel, "the one after");
    await expectPromisesKept(channel, [sender, reader]);
    const rows = await cluster.rows(channel);
    expect(rows.map(({ body }) => body)).toEqual(["the one before", "did it arrive?", "the one after"]);
    expectNobodyDisconnected([sender, reader]);
  });

  it("is silent, then out of reach, then back: refused sends never happened, unknown ones resolve, nobody is cut off", async () => {
    const channel = "darkness";
    const both = await Promise.all([connect("dark-left", 0), connect("dark-right", 1)]);
    for (const client of both) await client.join(channel);
    const logsSince = await watchLogs();
    const talk = startTalk(channel, both);
    await talk.until("ok", 5);

    redisWay.freeze(true);
    await talk.until("unknown", 1);
    redisWay.refuse(true);
    redisWay.cut();
    redisWay.freeze(false);
    await talk.until("unavailable", 20);
    // The api still serves what needs only Postgres.
    await untilAllAre(503, (name) => name !== "api");
    for (const client of both) {
      expect(await client.request({ type: "join", channel: "darkness-2" })).toMatchObject({
        type: "error",
        code: "unavailable",
        retry: "later",
      });
      expect(await client.request({ type: "ping" })).toMatchObject({ type: "pong" });
    }

    redisWay.refuse(false);
    await talk.until("ok", 10);
    await untilAllAre(200);
    await talk.end();
    const outcomes = new Set(talk.attempts.map(({ outcome }) => outcome));
    expect([...outcomes].toSorted()).toEqual(["ok", "unavailable", "unknown"]);
    for (const { client, clientId, body } of talk.attempts.filter(({ outcome }) => outcome === "unknown")) {
      expect(await client.send(channel, body, clientId)).toMatchObject({ type: "ok" });
    }
    await expectPromisesKept(channel, both);
    const refused = new Set(talk.attempts.flatMap(({ outcome, body }) => (outcome === "unavailable" ? [body] : [])));
    expect((await cluster.rows(channel)).filter(({ body }) => refused.has(body ?? ""))).toEqual([]);
    expectNobodyDisconnected(both);
    await expectOneLineEach(logsSince, "redis");
  });
});

describe("Postgres", () => {
  it("is out of reach: chat flows, known channels can be joined, persisted waits and comes", async () => {
    const channel = "flowing";
    const [sender, reader, late] = await Promise.all([
      connect("flow-1", 0),
      connect("flow-2", 1),
      connect("flow-3", 0),
    ]);
    await sender.join(channel, { persisted: true });
    await reader.join(channel);
    const stored = await sender.send(channel, "before");
    await sender.waitFor(isPersisted(stored));
    const logsSince = await watchLogs();

    postgresWay.refuse(true);
    postgresWay.cut();
    await untilAllAre(503, (name) => name.startsWith("persister"));
    // No client is better off without an edge that still takes its sends: a balancer keeps it, an operator is told.
    await eventually(async () => {
      for (const told of await toldByAll()) expect(told).toMatch(/Postgres (does not answer|is away)/);
    });
    await untilAllAre(200, isEdge);
    const sent: Frame[] = [];
    for (let n = 0; n < 50; n += 1) sent.push(await sender.send(channel, `in the dark ${n}`));
    expect(sent.filter(({ type }) => type !== "ok")).toEqual([]);
    const last = sent.at(-1);
    if (last === undefined) throw new Error("nothing was sent");
    await reader.waitFor(({ type, id }) => type === "message" && id === last.id);

    const joined = await late.join(channel, { after: { epoch: 0, seq: 0 } });
    expect(joined).toMatchObject({ type: "ok", recovered: true, epoch: last.epoch, seq: last.seq });
    expect(late.inOrder(channel).map(({ id }) => id)).toEqual([stored.id, ...sent.map(({ id }) => id)]);
    expect(await late.request({ type: "join", channel: "never-heard-of" })).toMatchObject({
      type: "error",
      code: "unavailable",
      retry: "later",
    });
    expect(await late.send(channel, "hello from the dark")).toMatchObject({ type: "ok" });
    expect(sender.frames.filter(({ type }) => type === "persisted")).toEqual([sender.frames.find(isPersisted(stored))]);

    postgresWay.refuse(false);
    await sender.waitFor(isPersisted(last));
    await untilAllAre(200);
    expect(await late.request({ type: "join", channel: "never-heard-of" })).toMatchObject({ type: "ok" });
    await expectPromisesKept(channel, [sender, reader, late]);
    expectNobodyDisconnected([sender, reader, late]);
    await expectOneLineEach(logsSince, "postgres");
  });
});

/** An edge of this cluster, started beside `dev`, whose ways to the stores are its own. */
function startLonelyEdge(ways: { redis?: Proxy; postgres?: Proxy }): Promise<EdgeProcess> {
  return startEdge({
    ROOKERY_NODE_NAME: "lonely",
    ROOKERY_REDIS_URL: ways.redis?.url() ?? redisServer.url,
    ROOKERY_POSTGRES_URL: ways.postgres?.url() ?? postgresServer.url,
    ROOKERY_JWT_SECRET: cluster.ready.jwt.secret,
    ROOKERY_CHANNELS_AUTO_CREATE: "public",
  });
}

async function wayThatRefuses(target: string): Promise<Proxy> {
  const way = await startProxy({ target });
  onTestFinished(() => way.close());
  way.refuse(true);
  return way;
}

/** Serves what it can without the store, says so, and is whole again by itself when the store comes up. */
async function expectItRecovers(edge: EdgeProcess, user: string, way: Proxy): Promise<void> {
  expect((await fetch(`${edge.internal}/livez`)).status).toBe(200);
  expect(await readiness(edge.internal)).toBe(503);
  const client = await connectLonely(edge, user);
  expect(client.welcome()).toMatchObject({ user });
  const [channel, elsewhere] = [`${user}-1`, `${user}-2`];
  for (const request of [
    { type: "join", channel },
    { type: "join", channel, after: { epoch: 0, seq: 0 } },
  ]) {
    expect(await client.request(request)).toMatchObject({ type: "error", code: "unavailable", retry: "later" });
  }
  // Nobody can have joined, and a send needs a joined channel: that is what it is told.
  expect(await client.send(channel, "anybody?")).toMatchObject({ type: "error", code: "not_joined" });
  expect(await client.request({ type: "join", joins: [{ channel }, { channel: elsewhere }] })).toMatchObject({
    type: "ok",
    results: [
      { type: "error", code: "unavailable", channel },
      { type: "error", code: "unavailable", channel: elsewhere },
    ],
  });

  way.refuse(false);
  await expectItServes(edge, client, channel);
}

async function connectLonely(edge: EdgeProcess, user: string): Promise<ChatClient> {
  const client = await connectClient({ url: edge.ws, token: cluster.token(user) });
  onTestFinished(() => client.close());
  return client;
}

async function expectItServes(edge: EdgeProcess, client: ChatClient, channel: string): Promise<void> {
  await eventually(async () => (await readiness(edge.internal)) === 200, { withinMs: RECOVERED_WITHIN_MS });
  expect(await client.join(channel)).toMatchObject({ type: "ok" });
  const sent = await client.send(channel, "hello");
  expect(sent).toMatchObject({ type: "ok" });
  await client.waitFor(({ type, id }) => type === "message" && id === sent.id);
  await eventually(async () => (await cluster.rows(channel)).length === 1);
  expectNobodyDisconnected([client]);
  expect((await fetch(`${edge.internal}/livez`)).status).toBe(200);
}

describe("an edge that starts while", () => {
  it("Redis is out of reach says unavailable until it is there, and complains once", async () => {
    const way = await wayThatRefuses(redisServer.url);
    const edge = await startLonelyEdge({ redis: way });
    await expectItRecovers(edge, "early-redis", way);
    const lines = parseLog(edge.log());
    expect(lines.map(textOf).filter((line) => line.includes(" redis "))).toEqual([
      "warn redis lost",
      "info redis ready",
    ]);
    expect(repeatedTrouble(lines)).toEqual([]);
  });

  it("Postgres is out of reach lets nobody in before it knows who is banned everywhere, and complains once", async () => {
    const way = await wayThatRefuses(postgresServer.url);
    const edge = await startLonelyEdge({ postgres: way });
    expect((await fetch(`${edge.internal}/livez`)).status).toBe(200);
    expect(await readiness(edge.internal)).toBe(503);
    await expect(connectLonely(edge, "early-postgres")).rejects.toThrow("answered 503 instead of an upgrade");
    way.refuse(false);
    await eventually(async () => (await readiness(edge.internal)) === 200, { withinMs: RECOVERED_WITHIN_MS });
    await expectItServes(edge, await connectLonely(edge, "early-postgres"), "early-postgres");
    const lines = parseLog(edge.log());
    expect(lines.map(textOf).filter((line) => line.includes(" postgres "))).toEqual([
      "warn postgres lost",
      "info postgres ready",
    ]);
    expect(repeatedTrouble(lines)).toEqual([]);
  });
});
