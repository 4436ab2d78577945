// Who is present while Redis, or the way of one edge to it, is in trouble: an edge whose beats do not get through, a Redis that is
// frozen for longer than every lease, and an edge that is killed while it clears away after another.
import {
  checkHistories,
  connectClient,
  describeViolations,
  eventually,
  startCluster,
  startProxy,
  testRedis,
} from "@rookery/testkit";
import type { ChatClient, Cluster, Proxy } from "@rookery/testkit";
import { createKeys, createPartitions } from "@rookery/broker";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestContext } from "vitest";
import { launchEdge } from "./edge-process.ts";
import type { EdgeProcess } from "./edge-process.ts";

const LEASE_MS = 3000;
/** As often does an edge look for dead ones that clears away after them. */
const LOOK_MS = LEASE_MS / 6;
const GRACE_MS = 500;
/** Longer than a lease of 6 s, which is the default, and so than every lease here. */
const REDIS_FROZEN_MS = 7000;
/** What is promised of the users of a dead node. */
const GONE_WITHIN_MS = 10_000;
/** Above the time in which anything here heals by itself. */
const HEALED = { withinMs: 20_000, everyMs: 25 };
const USERS = 200;
const CHANNELS = Array.from({ length: 20 }, (_, n) => `reaped-${n}`);
/** Each way, for an edge that clears away: slow enough to be met half way. */
const SLOW_MS = 20;

const server = await testRedis();
const { redis } = server;
const keys = createKeys(createPartitions(64));
const teardowns: (() => Promise<void>)[] = [];
/** With one edge, which no fault of its own meets. */
let cluster: Cluster;

interface Faulty {
  readonly edge: EdgeProcess;
  /** Its way to Redis. */
  readonly way: Proxy;
}
/** By what happens to each. */
let lost: Faulty;
let dying: Faulty;
let reaper: Faulty;

beforeAll(async () => {
  const set = { ROOKERY_LEASE_MS: String(LEASE_MS), ROOKERY_PRESENCE_GRACE_MS: String(GRACE_MS) };
  cluster = await startCluster({ edges: 1, redisUrl: server.url, set });
  const start = async (): Promise<Faulty> => {
    const way = await startProxy({ target: server.url });
    teardowns.unshift(() => way.close());
    const stores = { ROOKERY_REDIS_URL: way.url(), ROOKERY_POSTGRES_URL: cluster.ready.postgres };
    const settings = { ...set, ...stores, ROOKERY_JWT_SECRET: cluster.ready.jwt.secret };
    return { way, edge: await launchEdge(settings, (stop) => teardowns.unshift(stop)) };
  };
  [lost, dying, reaper] = await Promise.all([start(), start(), start()]);
});
afterAll(async () => {
  for (const teardown of teardowns) await teardown();
});

type Finished = TestContext["onTestFinished"];

async function connect(atEnd: Finished, user: string, on?: Faulty): Promise<ChatClient> {
  const url = on?.edge.ws ?? cluster.ready.ws[0] ?? "";
  const client = await connectClient({ url, token: () => cluster.token(user) });
  atEnd(() => client.close());
  return client;
}

/** By user, what came and went as this client was told, of all its channels. */
function comings(client: ChatClient): Map<string, string[]> {
  const told = new Map<string, string[]>();
  for (const { type, user = "" } of client.frames)
    if (type === "joined" || type === "left") told.set(user, [...(told.get(user) ?? []), type]);
  return told;
}

const each = (users: readonly ChatClient[], events: readonly string[]) =>
  new Map(users.map(({ user }) => [user, events]));

const countTold = (client: ChatClient, what: string): number =>
  client.frames.filter(({ type }) => type === what).length;

async function onlineIn(client: ChatClient, channel: string): Promise<unknown> {
  return (await client.request({ type: "members", channel })).online;
}

/**
 * Resolves when whoever clears away after dead nodes has done so after one that nobody else knows, twice: whoever was on the list
 * without a lease at the first look is gone by then.
 */
async function deadNodesAreLookedFor(): Promise<void> {
  for (const node of ["nobody-1", "nobody-2"]) {
    await redis.hset(keys.nodes, node, JSON.stringify({ node, kind: "edge", pid: 0 }));
    await eventually(async () => (await redis.hexists(keys.nodes, node)) === 0, {
      ...HEALED,
      what: "the end of nobody",
    });
  }
}

async function passed(ms: number): Promise<void> {
  const untilMs = performance.now() + ms;
  await eventually(() => performance.now() > untilMs);
}

/** Everybody came and went in turns, and nobody who was there has left. */
function expectToldRight(clients: readonly ChatClient[]): void {
  const violations = checkHistories({ clients: clients.map(({ history }) => history), signals: "whole" });
  expect(describeViolations(violations)).toBe("");
}

describe.concurrent("an edge", () => {
  it("whose beats do not get through while its sockets live: its users left, and come back by themselves", async ({
    onTestFinished: atEnd,
  }) => {
    const channel = "lost";
    const observer = await connect(atEnd, "ann");
    await observer.join(channel);
    const crowd = await Promise.all(["bob", "eve", "zoe"].map((user) => connect(atEnd, user, lost)));
    for (const client of crowd) await client.join(channel);
    const former = crowd[0]?.welcome()["node"];

    lost.way.freeze(true);
    const told = (events: readonly string[]): void => expect(comings(observer)).toEqual(each(crowd, events));
    await eventually(() => told(["joined", "left"]), { ...HEALED, withinMs: GONE_WITHIN_MS });
    expect(await onlineIn(observer, channel)).toBe(1);
    lost.way.freeze(false);
    await eventually(() => told(["joined", "left", "joined"]), HEALED);
    await eventually(async () => expect(await onlineIn(observer, channel)).toBe(crowd.length + 1), HEALED);
    expect((await connect(atEnd, "late", lost)).welcome()["node"]).not.toBe(former);
    const { id } = await observer.send(channel, "are you there?");
    await Promise.all(crowd.map((client) => client.waitFor((frame) => frame.type === "message" && frame.id === id)));
    expect(crowd.map((client) => client.session())).toEqual(crowd.map(() => 1));
    told(["joined", "left", "joined"]);
  });

  it("that is killed while it clears away after another: the next goes on, and each user is told to have left once", async ({
    onTestFinished: atEnd,
  }) => {
    const observers = await Promise.all(["ann", "amy"].map((user) => connect(atEnd, user)));
    for (const observer of observers) await Promise.all(CHANNELS.map((channel) => observer.join(channel)));
    const [observer] = observers;
    if (observer === undefined) return;
    const crowd = await Promise.all(Array.from({ length: USERS }, (_, n) => connect(atEnd, `user-${n}`, dying)));
    await Promise.all(crowd.map((client, n) => client.join(CHANNELS[n % CHANNELS.length] ?? "")));
    await eventually(() => expect(countTold(observer, "joined")).toBeGreaterThanOrEqual(USERS), HEALED);
    const [node, other] = [crowd[0]?.welcome()["node"], (await connect(atEnd, "late", reaper)).welcome()["node"]];
    reaper.way.latency(SLOW_MS);
    const takesOffice = async (): Promise<boolean> => {
      if ((await redis.get(keys.reaper)) === other) return true;
      await redis.del(keys.reaper);
      return false;
    };
    await eventually(takesOffice, { ...HEALED, everyMs: 200 });

    const leftOf = (client: ChatClient): number =>
      [...comings(client)].filter(([user, events]) => user.startsWith("user-") && events.includes("left")).length;
    dying.edge.signal("SIGKILL");
    await eventually(() => leftOf(observer) > USERS / 4, { ...HEALED, everyMs: 1 });
    reaper.edge.signal("SIGKILL");
    const before = leftOf(observer);
    expect(before).toBeLessThan(USERS);
    const isOnce = (client: ChatClient): void => {
      const told = comings(client);
      for (const { user } of crowd) expect(told.get(user)).toEqual(["joined", "left"]);
    };
    for (const client of observers) await eventually(() => isOnce(client), { ...HEALED, withinMs: GONE_WITHIN_MS });
    await eventually(async () =>
      expect(await redis.hmget(keys.nodes, String(node), String(other))).toEqual([null, null]),
    );
    for (const client of observers) isOnce(client);
    for (const channel of CHANNELS) expect(await onlineIn(observer, channel)).toBe(observers.length);
    const remains = (await redis.keys("{*")).filter((key) => key.includes(String(node)) || key.includes(String(other)));
    expect(remains).toEqual([]);
    expectToldRight([...observers, ...crowd]);
  });
});

it("a Redis that is frozen for longer than every lease makes nobody leave", async ({ onTestFinished: atEnd }) => {
  const channel = "frozen";
  const observer = await connect(atEnd, "ann");
  await observer.join(channel);
  const crowd = await Promise.all(
    ["bob", "eve", "zoe"].map((user, n) => connect(atEnd, user, n === 0 ? undefined : lost)),
  );
  for (const client of crowd) await client.join(channel);
  await eventually(() => expect(comings(observer)).toEqual(each(crowd, ["joined"])), HEALED);

  // Beats that lie in Redis' own sockets would be taken before the first look: those of the others are kept back for a little longer,
  // so that the edge which looks then sees no lease of theirs.
  const safe = observer.welcome()["node"];
  const others = [lost, dying, reaper];
  const hold = (on: boolean): void => others.forEach(({ way }) => way.freeze(on));
  hold(true);
  atEnd(() => hold(false));
  process.kill(server.pid, "SIGSTOP");
  const thaw = (): void => void process.kill(server.pid, "SIGCONT");
  atEnd(thaw);
  await passed(REDIS_FROZEN_MS);
  thaw();
  await eventually(async () => (await redis.get(keys.reaper)) === safe, HEALED);
  await passed(2 * LOOK_MS);
  hold(false);
  await eventually(async () => (await observer.send(channel, "are you there?")).type === "ok", HEALED);
  await deadNodesAreLookedFor();
  expect(comings(observer)).toEqual(each(crowd, ["joined"]));
  await eventually(async () => expect(await onlineIn(observer, channel)).toBe(crowd.length + 1), HEALED);
  expect([observer, ...crowd].map((client) => client.session())).toEqual([1, 1, 1, 1]);
  expectToldRight([observer, ...crowd]);
});
