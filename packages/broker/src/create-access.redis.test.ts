// What Redis remembers of who may do what: filled from Postgres' answers, read by channel and users.
import type { AccessEntry } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import type { KnownAccess } from "./access.ts";
import { BANNED, MEMBER, recordOf } from "./control.fixture.ts";
import { createAccessStore, NO_ENTRY } from "./create-access.ts";
import { connected, keys, newChannel, partitions } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
let nowMs = 0;
const newStore = (): ReturnType<typeof createAccessStore> =>
  createAccessStore({ connection, keys, clock: () => nowMs });

beforeEach(() => server.flush());

function known(version: number, entries: Readonly<Record<string, AccessEntry>>, isWhole = false): KnownAccess {
  return { record: recordOf(version), isWhole, entries: new Map(Object.entries(entries)) };
}

async function takeOver(): Promise<void> {
  await redis.call("REPLICAOF", "127.0.0.1", "1");
  await redis.call("REPLICAOF", "NO", "ONE");
}

describe("what Redis remembers of access", () => {
  it("answers wishes in their order, each with those who were asked for", async () => {
    const store = newStore();
    const [some, whole, none] = [newChannel(), newChannel(), newChannel()];
    await store.fill(some, known(2, { ann: MEMBER, bob: NO_ENTRY, eve: BANNED }));
    await store.fill(whole, known(3, { ann: BANNED }, true));
    const wishes = [some, none, whole].map((channel) => ({ channel, users: ["bob", "ann"] }));
    const answers = await store.read(wishes);
    expect(answers).toEqual([known(2, { bob: NO_ENTRY, ann: MEMBER }), undefined, known(3, { ann: BANNED }, true)]);
    expect(await store.read([{ channel: some, users: ["bob", "zoe"] }])).toEqual([undefined]);
    expect(await store.read([{ channel: some, users: [] }])).toEqual([known(2, {})]);
  });

  it("drops what is older than what is known, adds what is of the same version, and raises the version of sends", async () => {
    const store = newStore();
    const channel = newChannel();
    const { rights } = keys.partition(partitions.of(channel));
    await store.fill(channel, known(5, { ann: MEMBER }));
    await store.fill(channel, known(4, { ann: BANNED, bob: MEMBER }, true));
    await store.fill(channel, known(5, { bob: BANNED }));
    expect(await redis.hget(rights, channel)).toBe("5");
    expect(await store.read([{ channel, users: ["ann", "bob"] }])).toEqual([known(5, { ann: MEMBER, bob: BANNED })]);
    await store.fill(channel, known(6, { bob: MEMBER }));
    expect(await store.read([{ channel, users: ["ann"] }])).toEqual([undefined]);
    await redis.hset(rights, channel, "7");
    expect(await store.read([{ channel, users: ["bob"] }])).toEqual([undefined]);
  });

  it("is worth nothing under another server than was told of it, nor is what Postgres was asked for before", async () => {
    const store = newStore();
    const channel = newChannel();
    const wish = [{ channel, users: ["ann"] }];
    await store.fill(channel, known(5, { ann: MEMBER }));
    await takeOver();
    // The answer of Postgres for this one was on its way when the other server took over.
    await store.fill(channel, known(5, { ann: MEMBER }));
    expect(await store.read(wish)).toEqual([undefined]);
    await store.fill(channel, known(5, { ann: MEMBER }));
    expect(await store.read(wish)).toEqual([undefined]);
    nowMs += 10_000;
    await store.fill(channel, known(6, { ann: BANNED }));
    expect(await store.read(wish)).toEqual([known(6, { ann: BANNED })]);
  });

  it("is forgotten a day after it was last asked for", async () => {
    const store = newStore();
    const channel = newChannel();
    const { access } = keys.channel(channel);
    await store.fill(channel, known(1, {}, true));
    expect(await redis.pttl(access)).toBeGreaterThan(86_000_000);
    await redis.pexpire(access, 1_000);
    await store.read([{ channel, users: ["ann"] }]);
    expect(await redis.pttl(access)).toBeGreaterThan(86_000_000);
  });

  it("takes keys of another type, and records of another build, for nothing known", async () => {
    const store = newStore();
    const [broken, newer] = [newChannel(), newChannel()];
    await redis.set(keys.channel(broken).access, "no hash");
    await store.fill(newer, known(1, { ann: MEMBER }));
    await redis.hset(keys.channel(newer).access, "u|ann", '{"role":"emperor","ban":null,"mute":null}');
    const wishes = [broken, newer].map((channel) => ({ channel, users: ["ann"] }));
    expect(await store.read(wishes)).toEqual([undefined, undefined]);
  });

  it("is read in one run, and of a hundred channels too", async () => {
    const store = newStore();
    const channels = Array.from({ length: 100 }, newChannel);
    await Promise.all(channels.map((channel) => store.fill(channel, known(1, { ann: MEMBER }, true))));
    const answers = await store.read(channels.map((channel) => ({ channel, users: ["ann"] })));
    expect(answers.filter((answer) => answer?.entries.get("ann")?.role === "member")).toHaveLength(100);
  });

  it("is unavailable without Redis", async () => {
    const lost = await connected(server.url);
    lost.disconnect();
    const store = createAccessStore({ connection: lost, keys });
    await expect(store.read([{ channel: "x", users: [] }])).rejects.toMatchObject({ code: "unavailable" });
  });
});
