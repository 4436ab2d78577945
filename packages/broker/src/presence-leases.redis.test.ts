// Presence through all that may happen to a node, to whoever clears away after it, and to Redis: schedules that would leave
// somebody present for ever, or gone who is there, each forced against a real Redis.
import { eventually, startProxy, testRedis } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { startBeats } from "./beats.ts";
import type { Beats } from "./beats.ts";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { countsIn, listenTo, nodeOn, told } from "./presence-kit.suite.ts";
import type { TestNode } from "./presence-kit.suite.ts";
import { createPresenceReader } from "./presence-reader.ts";
import { connected, keys, newChannel, partitions } from "./publishing.suite.ts";
import { createReaping } from "./reaping.ts";
import { startReaper } from "./reaper.ts";
import type { Reaper, ReaperOptions } from "./reaper.ts";
import { createRegistry } from "./registry.ts";

const server = await testRedis({ args: { "enable-debug-command": "yes" } });
const { redis } = server;
const connection = await connected(server.url);
const reader = createPresenceReader({ connection, keys });
const proxy = await startProxy({ target: server.url });
afterAll(() => proxy.close());

beforeEach(() => server.flush());

const LEASE_MS = 500;
const USERS = ["a", "b", "c", "d", "e"];

function recordOf(node: string) {
  const fixed = {
    kind: "edge",
    version: "0",
    connections: 0,
    draining: false,
    startedAt: 1,
    beatAt: 1,
    pid: 1,
  } as const;
  return { node, ...fixed };
}

const enlist = (node: string): Promise<unknown> =>
  createRegistry({ connection, keys, leaseMs: 60_000 }).beat(recordOf(node));

/** One that has been steady for ever, but for what the options say. */
function reaperOn(
  options: Partial<ReaperOptions> = {},
): Reaper & { readonly reaped: string[]; readonly hadLeft: string[] } {
  const reaped: string[] = [];
  const hadLeft: string[] = [];
  const reaper = startReaper({
    ...{ connection, keys, leaseMs: LEASE_MS, node: () => "reaper", steadyMs: () => LEASE_MS },
    reaped(node, hasLeft) {
      reaped.push(node);
      if (hasLeft) hadLeft.push(node);
    },
    ...options,
  });
  onTestFinished(reaper.stop);
  return { ...reaper, reaped, hadLeft };
}

function beatsOf(id: TestNode["id"], options: { connection?: RedisConnection; lapseMs?: number } = {}): Beats {
  const beats = startBeats({
    ...{ connection, keys, leaseMs: LEASE_MS, node: id.current, self: { kind: "edge", version: "0" }, lapseMs: 1 },
    ...{ load: () => ({ connections: 0, draining: false }), condemned: id.renew, failed: () => undefined },
    ...options,
  });
  id.onRenew(beats.beat);
  onTestFinished(() => beats.leave());
  return beats;
}

async function throughProxy(commandTimeoutMs: number): Promise<RedisConnection> {
  const link = connectRedis({ url: proxy.url(), use: "commands", commandTimeoutMs });
  onTestFinished(() => {
    proxy.freeze(false);
    link.disconnect();
  });
  await whenReady(link, 5_000);
  return link;
}

/** As another server would be told: by what it has when it takes over. Answers its replication id. */
async function takeOver(): Promise<string> {
  await redis.call("DEBUG", "CHANGE-REPL-ID");
  return /master_replid:(\w+)/.exec(await redis.info("replication"))?.[1] ?? "";
}

/** What Redis holds of presence, to be put back: a server that took over without the last of it. */
async function remember(): Promise<() => Promise<void>> {
  const names = (await redis.keys("*")).filter((name) => name.startsWith("{"));
  const dumps = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
  return async () => {
    const later = (await redis.keys("*")).filter((name) => name.startsWith("{"));
    if (later.length > 0) await redis.del(...later);
    for (const [at, name] of names.entries()) await redis.restore(name, 0, dumps[at] ?? Buffer.alloc(0));
  };
}

/** For a reaper that dies after its first run in the channel. */
function oneRunIn(channel: string): () => boolean {
  const run = vi.spyOn(connection, "rookeryReap");
  onTestFinished(() => run.mockRestore());
  return () => !run.mock.calls.some((words) => words.includes(channel));
}

const leftOf = async (node: string): Promise<string[]> =>
  (await redis.keys("*")).filter((name) => name.includes(node) && !name.startsWith("node:"));

describe("a node that dies", () => {
  it("is cleared away after: each of its users leaves once, and nothing of it is left", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const channels = Array.from({ length: 20 }, newChannel);
    const [first = ""] = channels;
    const heard = await listenTo(server, first);
    await enlist("one.1");
    await enlist("two.1");
    for (const user of USERS) await one.enter(first, user);
    await Promise.all(channels.slice(1).map((channel) => one.enter(channel, "a")));
    await two.enter(first, "a");
    one.begin("a", "s1");
    two.begin("a", "s2");
    await expect.poll(async () => (await reader.sessionsOf("a")).length).toBe(2);
    one.presence.close();
    await redis.del(keys.node("one.1"), keys.partition(partitions.ofUser("a")).seen);
    const reapers = [reaperOn(), reaperOn({ node: () => "another" })];
    await expect.poll(() => leftOf("one.1")).toEqual([]);
    await expect.poll(() => redis.hexists(keys.nodes, "one.1")).toBe(0);
    expect(new Set(reapers.flatMap(({ reaped }) => reaped))).toEqual(new Set(["one.1"]));
    expect(await countsIn(server, first)).toEqual({ a: 1 });
    expect(heard.map(told).toSorted()).toEqual(
      [...USERS.map((user) => `joined ${user}`), ...USERS.slice(1).map((user) => `left ${user}`)].toSorted(),
    );
    expect((await reader.sessionsOf("a")).map(({ session }) => session)).toEqual(["s2"]);
    expect(await redis.hexists(keys.partition(partitions.ofUser("a")).seen, "a")).toBe(1);
    expect(await redis.get(keys.node("one.1"))).toBe("condemned");
  });

  it("while its reaper dies half way is cleared away by another, and nobody is told to have left twice", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    await enlist("one.1");
    for (const user of USERS) await one.enter(channel, user);
    const first = createReaping({ connection, keys, chunk: 2, goesOn: oneRunIn(channel) });
    await redis.set(keys.node("one.1"), "condemned");
    expect(await first.reap("one.1", true)).toBe(false);
    expect(Object.keys(await countsIn(server, channel))).toHaveLength(3);
    const second = createReaping({ connection, keys, chunk: 2, goesOn: () => true });
    const third = createReaping({ connection, keys, chunk: 1, goesOn: () => true });
    expect(await Promise.all([second.reap("one.1", true), third.reap("one.1", true)])).toEqual([true, true]);
    expect(await countsIn(server, channel)).toEqual({});
    await expect.poll(() => heard).toHaveLength(10);
    expect(heard.slice(5).map(told).toSorted()).toEqual(USERS.map((user) => `left ${user}`));
    expect(await leftOf("one.1")).toEqual([]);
  });

  it("is given up by a channel whose keys are broken alone", async () => {
    const one = nodeOn(connection, "one");
    const channels = Array.from({ length: 8 }, newChannel);
    for (const channel of channels) await one.enter(channel, "a");
    await redis.set(keys.channel(channels[0] ?? "").here, "no hash");
    await redis.del(keys.channel(channels[1] ?? "").hereOn("one.1"));
    await redis.set(keys.channel(channels[1] ?? "").hereOn("one.1"), "no hash");
    const reaping = createReaping({ connection, keys, chunk: 100, goesOn: () => true });
    expect(await reaping.reap("one.1", true)).toBe(true);
    for (const channel of channels.slice(2)) expect(await countsIn(server, channel)).toEqual({});
  });
});

describe("a node that was frozen and wakes (H1)", () => {
  it("half way through its reap, tells nothing under the former id: all are present once, under another one", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    await enlist("one.1");
    for (const user of USERS) await one.enter(channel, user);
    const reaper = createReaping({ connection, keys, chunk: 2, goesOn: oneRunIn(channel) });
    await redis.set(keys.node("one.1"), "condemned");
    await reaper.reap("one.1", true);
    expect(await one.enter(channel, "late")).toEqual({ online: 6, mode: "full" });
    expect(one.id.current()).toBe("one.2");
    await createReaping({ connection, keys, chunk: 2, goesOn: () => true }).reap("one.1", true);
    expect(await countsIn(server, channel)).toEqual(Object.fromEntries([...USERS, "late"].map((user) => [user, 1])));
    expect(await leftOf("one.1")).toEqual([]);
    await expect.poll(() => heard.length).toBe(5 + 2 + 2 + 1);
    // Whoever was told to have left was told to have come again; of the others nobody heard anything.
    const again = heard.slice(5).map(told);
    const gone = again.filter((text) => text.startsWith("left")).map((text) => text.slice(5));
    expect(again.slice(2).toSorted()).toEqual([...gone, "late"].map((user) => `joined ${user}`).toSorted());
  });

  it("with nobody coming or going finds itself condemned at its next beat", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const beats = beatsOf(one.id);
    await one.enter(channel, "ann");
    one.begin("ann", "s1");
    await expect.poll(async () => (await reader.sessionsOf("ann")).length).toBe(1);
    await eventually(() => beats.steadyMs() > 0);
    await redis.set(keys.node("one.1"), "condemned");
    const reaper = reaperOn();
    await expect.poll(() => one.id.current()).toBe("one.2");
    await expect.poll(() => reaper.reaped).toEqual(["one.1"]);
    await expect.poll(() => countsIn(server, channel)).toEqual({ ann: 1 });
    await expect.poll(async () => (await reader.sessionsOf("ann")).map(({ node }) => node)).toEqual(["one.2"]);
    expect(await leftOf("one.1")).toEqual([]);
  });
});

describe("a reaper", () => {
  it("takes the silence of Redis for nobody's: after it, all have a whole lease to be heard again (H2)", async () => {
    const link = await throughProxy(2_000);
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    const beats = beatsOf(one.id);
    const others = beatsOf(two.id, { connection: link });
    const reaper = reaperOn({ node: one.id.current, steadyMs: beats.steadyMs });
    await two.enter(channel, "ann");
    await eventually(() => beats.steadyMs() >= LEASE_MS);
    await redis.client("PAUSE", 3 * LEASE_MS, "ALL");
    // The other node is heard again a little later than this one.
    proxy.freeze(true);
    await redis.ping();
    expect(await redis.exists(keys.node("two.1"))).toBe(0);
    await reaper.look();
    await reaper.look();
    proxy.freeze(false);
    await eventually(() => beats.steadyMs() >= LEASE_MS);
    await reaper.look();
    expect((await redis.hkeys(keys.nodes)).toSorted()).toEqual(["one.1", "two.1"]);
    expect(two.id.current()).toBe("two.1");
    expect(heard.map(told)).toEqual(["joined ann"]);
    // And once Redis is steady, whoever is silent is gone.
    two.presence.close();
    await others.leave();
    await expect.poll(() => reaper.reaped).toEqual(["two.1"]);
    expect(heard.map(told)).toEqual(["joined ann", "left ann"]);
  });

  it("finds lease sets that nobody owns, which a failover brought back, and clears them in silence (H3)", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    await enlist("one.1");
    await one.enter(channel, "ann");
    one.presence.close();
    const bringBack = await remember();
    await redis.del(keys.node("one.1"));
    const reaper = reaperOn({ compareEveryMs: 1_000_000 });
    await expect.poll(() => reaper.reaped).toEqual(["one.1"]);
    await bringBack();
    expect(await countsIn(server, channel)).toEqual({ ann: 1 });
    reaper.compare();
    await reaper.look();
    expect(await countsIn(server, channel)).toEqual({ ann: 1 });
    await expect.poll(() => reaper.reaped).toEqual(["one.1", "one.1"]);
    expect(reaper.hadLeft).toEqual([]);
    expect(await countsIn(server, channel)).toEqual({});
    expect(await leftOf("one.1")).toEqual([]);
    expect(heard.map(told)).toEqual(["joined ann", "left ann"]);
  });

  it("leaves whoever lives alone, and a node that is not on the list yet", async () => {
    const one = nodeOn(connection, "one");
    await one.enter(newChannel(), "ann");
    await redis.set(keys.node("one.1"), "{}");
    await enlist("two.1");
    const reaper = reaperOn({ compareEveryMs: 0 });
    await reaper.look();
    await reaper.look();
    expect(reaper.reaped).toEqual([]);
    expect(await redis.sismember(keys.partition(0).leases, "one.1")).toBe(1);
  });
});

describe("another server that takes over (H4)", () => {
  it("without a leave has who left taken out, also of a channel and a user nobody here has any more", async () => {
    const one = nodeOn(connection, "one");
    const channels = [newChannel(), newChannel()];
    const [channel = "", empty = ""] = channels;
    const heard = await Promise.all(channels.map((each) => listenTo(server, each)));
    await one.enter(channel, "ann");
    await one.enter(channel, "bob");
    await one.enter(empty, "ann");
    one.begin("ann", "s1");
    one.begin("bob", "s2");
    await expect.poll(async () => (await reader.sessionsOf("bob")).length).toBe(1);
    const bringBack = await remember();
    await one.exit(channel, "ann");
    await one.exit(empty, "ann");
    one.end("ann", "s1");
    await expect.poll(async () => (await reader.sessionsOf("ann")).length).toBe(0);
    await bringBack();
    const serving = await takeOver();
    // One partition shows that the server is another; that of the others may be in nobody's pulse any more.
    one.presence.served((partitions.of(empty) + 1) % partitions.count, serving);
    await expect.poll(() => countsIn(server, channel)).toEqual({ bob: 1 });
    await expect.poll(() => countsIn(server, empty)).toEqual({});
    await expect.poll(() => reader.sessionsOf("ann")).toEqual([]);
    expect(await reader.sessionsOf("bob")).toHaveLength(1);
    expect(one.id.current()).toBe("one.1");
    expect(heard.map((each) => each.map(told))).toEqual([
      ["joined ann", "joined bob", "left ann"],
      ["joined ann", "left ann"],
    ]);
  });

  it("without an enter is told it, in silence, before anything else; the next change finds that out by itself", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    await one.enter(channel, "ann");
    const bringBack = await remember();
    await one.enter(channel, "bob");
    await one.enter(channel, "eve");
    await bringBack();
    await takeOver();
    expect(await one.enter(channel, "joe")).toEqual({ online: 4, mode: "full" });
    expect(await countsIn(server, channel)).toEqual({ ann: 1, bob: 1, eve: 1, joe: 1 });
    expect(heard.map(told)).toEqual(["joined ann", "joined bob", "joined eve", "joined joe"]);
  });

  it("empty finds no mark of the node, which takes another id and tells everything", async () => {
    const one = nodeOn(connection, "one");
    const channels = Array.from({ length: 12 }, newChannel);
    for (const channel of channels) await one.enter(channel, "ann");
    await redis.flushall();
    const serving = await takeOver();
    one.presence.served(0, serving);
    await expect
      .poll(() => Promise.all(channels.map((channel) => countsIn(server, channel))))
      .toEqual(channels.map(() => ({ ann: 1 })));
    expect(one.id.current()).toBe("one.2");
  });

  it("is told a crowd of more than one run holds, and one that changes meanwhile", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const users = Array.from({ length: 350 }, (_, n) => `u${n}`);
    await Promise.all(users.map((user) => one.enter(channel, user)));
    const bringBack = await remember();
    await Promise.all(users.slice(0, 120).map((user) => one.exit(channel, user)));
    await bringBack();
    const serving = await takeOver();
    one.presence.served(partitions.of(channel), serving);
    const later = users.slice(120, 240).map((user) => one.exit(channel, user));
    await Promise.all([...later, one.enter(channel, "new")]);
    await expect.poll(async () => Object.keys(await countsIn(server, channel)).length).toBe(111);
    expect((await reader.page(channel, undefined, 1_000)).members).toHaveLength(111);
    expect(await redis.hlen(keys.channel(channel).hereOn("one.1"))).toBe(111);
  });
});

describe("a change without an answer", () => {
  it("that lands after a later one changes nothing in the end: an enter after a leave (H5)", async () => {
    const link = await throughProxy(200);
    const one = nodeOn(link, "one", { commandTimeoutMs: 1_000 });
    const channel = newChannel();
    await one.enter(channel, "first");
    proxy.freeze(true);
    const unknown = one.enter(channel, "ann").catch(() => "unavailable");
    await eventually(() => link.status !== "ready");
    one.people.add(channel, "ann", -1);
    const left = one.presence.changed(channel, "ann").catch(() => "unavailable");
    proxy.freeze(false);
    // The bytes of the enter are on their way still, and act.
    await eventually(async () => expect(await countsIn(server, channel)).toHaveProperty("ann"));
    await Promise.all([unknown, left]);
    await expect.poll(() => countsIn(server, channel)).toEqual({ first: 1 });
  });

  it("is told again: a lost reply loses and doubles nothing", async () => {
    const link = await throughProxy(2_000);
    const one = nodeOn(link, "one", { commandTimeoutMs: 300 });
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    await one.enter(channel, "ann");
    const lost = proxy.loseNextReply();
    const entered = one.enter(channel, "bob").catch(() => "unavailable");
    await lost;
    await entered;
    expect(await countsIn(server, channel)).toEqual({ ann: 1, bob: 1 });
    await whenReady(link, 5_000);
    await expect.poll(() => one.exit(channel, "bob").catch(() => undefined)).toEqual({ online: 1, mode: "full" });
    await expect.poll(() => heard.map(told)).toEqual(["joined ann", "joined bob", "left bob"]);
  });

  it("waits for a Redis that is away, and is unavailable to whoever waits for it", async () => {
    const link = await throughProxy(500);
    const one = nodeOn(link, "one", { commandTimeoutMs: 200 });
    const channel = newChannel();
    await one.enter(channel, "ann");
    proxy.refuse(true);
    proxy.cut();
    await expect(one.enter(channel, "bob")).rejects.toMatchObject({ code: "unavailable" });
    await expect(one.exit(channel, "ann")).rejects.toMatchObject({ code: "unavailable" });
    expect(one.presence.waiting()).toBe(2);
    proxy.refuse(false);
    await expect.poll(() => countsIn(server, channel)).toEqual({ bob: 1 });
    await expect.poll(() => one.presence.waiting()).toBe(0);
  });

  it("that comes late does nothing, and is told again by the clock of Redis", async () => {
    let skewMs = 0;
    const one = nodeOn(connection, "one", { clock: () => performance.timeOrigin + performance.now() + skewMs });
    const channel = newChannel();
    await one.enter(channel, "ann");
    skewMs = -300_000;
    expect(await one.enter(channel, "bob")).toEqual({ online: 2, mode: "full" });
    skewMs = 300_000;
    expect(await one.enter(channel, "eve")).toEqual({ online: 3, mode: "full" });
  });
});

describe("a node that drains (H6)", () => {
  it("holds its people until its lease ends: who resumes elsewhere never left, the others leave once", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    const beats = beatsOf(one.id, { lapseMs: 2 * LEASE_MS });
    await enlist("two.1");
    await one.enter(channel, "ann");
    await one.enter(channel, "bob");
    one.begin("ann", "s1");
    await expect.poll(async () => (await reader.sessionsOf("ann")).length).toBe(1);
    one.presence.hold();
    await expect(one.exit(channel, "ann")).rejects.toMatchObject({ code: "unavailable" });
    await expect(one.exit(channel, "bob")).rejects.toMatchObject({ code: "unavailable" });
    one.end("ann", "s1");
    one.presence.close();
    await beats.leave();
    expect(await redis.pttl(keys.node("one.1"))).toBeGreaterThan(LEASE_MS);
    const reaper = reaperOn();
    await two.enter(channel, "ann");
    expect(await countsIn(server, channel)).toEqual({ ann: 2, bob: 1 });
    await expect.poll(() => reaper.reaped, { timeout: 5_000 }).toEqual(["one.1"]);
    expect(reaper.hadLeft).toEqual(["one.1"]);
    expect(await countsIn(server, channel)).toEqual({ ann: 1 });
    expect(await reader.sessionsOf("ann")).toEqual([]);
    expect(heard.map(told)).toEqual(["joined ann", "joined bob", "left bob"]);
  });
});
