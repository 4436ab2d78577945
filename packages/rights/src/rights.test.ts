// Contract of the one question whether somebody may do a thing in a channel.
import { ChatError } from "@rookery/protocol";
import type { Right } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createRights } from "./rights.ts";
import { away, entryOf, fakeStores } from "./stores.fixture.ts";

const RIGHTS_OF_MEMBER = ["join", "read", "write", "react", "presence", "history"];
const MEMBER = { role: "member", can: RIGHTS_OF_MEMBER, version: 3, slowModeMs: 0 };
const ROLE = { role: "member" } as const;

function rig({ autoCreate = false, mostWhole = 256, maxChannels = 10, pinned = [] as string[] } = {}) {
  const stores = fakeStores({ mostWhole });
  const clock = { ms: 1000 };
  const lookups: boolean[] = [];
  const rights = createRights({
    ...{ channels: stores.channels, access: stores.access, standings: stores.standings },
    ...{ partitionOf: stores.partitionOf, autoCreate, maxChannels },
    isPinned: (channel) => pinned.includes(channel),
    lookedUp: (isKnown) => void lookups.push(isKnown),
    redisNowMs: () => clock.ms,
  });
  const asking = (user: string, channel: string, right: Right = "join") => ({ user, channel, right });
  return {
    ...{ ...stores, rights, clock, lookups },
    cached: async (user: string, channel: string, right?: Right) => rights.cached(asking(user, channel, right)),
    fresh: (user: string, channel: string, right?: Right) => rights.fresh(asking(user, channel, right)),
    /** Answered in this very turn, or not at all. */
    atOnce: (user: string, channel: string, right?: Right) => {
      const answer = rights.cached(asking(user, channel, right));
      if (!(answer instanceof Promise)) return answer;
      answer.catch(() => undefined);
      return undefined;
    },
  };
}

describe("rights", () => {
  it("ask Redis, then Postgres, and give Redis what Postgres said", async () => {
    const { put, cached, calls, redis } = rig();
    put("lobby");
    expect(await cached("ann", "lobby", "write")).toEqual(MEMBER);
    expect(calls).toEqual(["redis lobby:ann", "postgres lobby:ann", "rules lobby"]);
    expect(redis.get("lobby")).toMatchObject({ isWhole: true, record: { version: 3 } });
  });

  it("tell of each question whether memory had the answer", async () => {
    const { put, cached, rights, lookups } = rig();
    put("lobby");
    put("den", { kind: "private" });
    await cached("ann", "lobby");
    await cached("ann", "lobby", "write");
    await rights.cachedAll({ user: "ann", right: "join" }, ["lobby", "den"]);
    await rights.cachedAll({ user: "ann", right: "join" }, ["den"]);
    expect(lookups, "what is hidden is read each time").toEqual([false, true, true, false, false]);
  });

  it("ask no further where Redis knows, also while Postgres is away", async () => {
    const { put, cached, calls, now, access, standings } = rig();
    put("lobby");
    const known = (await standings.read([{ channel: "lobby", users: ["ann"] }])).get("lobby");
    if (known !== undefined) await access.fill("lobby", known);
    calls.length = 0;
    now.postgres = away();
    expect(await cached("ann", "lobby")).toEqual(MEMBER);
    expect(calls).toEqual(["redis lobby:ann"]);
  });

  it("answer everybody from memory once a channel is known whole, in the same turn and by one grant for all", async () => {
    const { put, cached, atOnce, calls } = rig();
    put("lobby", {}, { olga: { role: "owner" } });
    await cached("ann", "lobby");
    calls.length = 0;
    expect(atOnce("bob", "lobby", "write")).toEqual(MEMBER);
    expect(atOnce("bob", "lobby")).toBe(atOnce("ann", "lobby"));
    expect(atOnce("olga", "lobby", "own")).toMatchObject({ role: "owner" });
    expect(calls).toEqual([]);
  });

  it("ask for each user of a channel in which too many have an entry, once", async () => {
    const { put, cached, atOnce, calls } = rig({ mostWhole: 0 });
    put("lobby", {}, { olga: { role: "owner" } });
    await cached("ann", "lobby");
    expect(atOnce("bob", "lobby")).toBeUndefined();
    await cached("bob", "lobby");
    expect([atOnce("ann", "lobby"), atOnce("bob", "lobby")]).toEqual([MEMBER, MEMBER]);
    expect(calls.filter((call) => call.startsWith("postgres"))).toEqual(["postgres lobby:ann", "postgres lobby:bob"]);
  });

  it("ask together for those who come in one turn, and once for a crowd", async () => {
    const { put, cached, calls } = rig();
    put("lobby");
    const crowd = Array.from({ length: 500 }, (_, n) => `u${n}`);
    await Promise.all(crowd.map((user) => cached(user, "lobby")));
    expect(calls.filter((call) => !call.startsWith("rules"))).toHaveLength(3);
  });

  it("refuse whoever is banned, muted or of too low a role by memory alone", async () => {
    const { put, cached, calls } = rig();
    const mute = { untilMs: 9000, reason: null };
    put("lobby", {}, { bob: { ban: mute }, eve: { mute }, ron: { role: "reader" } });
    await cached("ann", "lobby");
    calls.length = 0;
    await expect(cached("bob", "lobby")).rejects.toMatchObject({ code: "banned", details: { until: 9000 } });
    await expect(cached("eve", "lobby", "write")).rejects.toMatchObject({ code: "muted", details: { until: 9000 } });
    await expect(cached("ron", "lobby", "write")).rejects.toMatchObject({ code: "forbidden" });
    expect(calls).toEqual([]);
  });

  it("let a ban end by Redis' clock, with nobody to tell of it", async () => {
    const { put, cached, clock, atOnce } = rig();
    put("lobby", {}, { bob: { ban: { untilMs: 9000, reason: null } } });
    await expect(cached("bob", "lobby")).rejects.toMatchObject({ code: "banned" });
    clock.ms = 9000;
    expect(atOnce("bob", "lobby")).toEqual(MEMBER);
  });

  it("go on without end where they are known while Postgres is away, and refuse who is not known", async () => {
    const { put, cached, atOnce, now } = rig({ mostWhole: 0 });
    put("lobby", {}, { olga: ROLE });
    put("club", { kind: "private" }, { ann: ROLE });
    await cached("ann", "lobby");
    await cached("ann", "club");
    now.postgres = away();
    expect([atOnce("ann", "lobby"), atOnce("ann", "club")]).toEqual([MEMBER, MEMBER]);
    for (const channel of ["lobby", "club", "attic"]) {
      await expect(cached("bob", channel)).rejects.toMatchObject({ code: "unavailable" });
    }
  });

  it("keep a member known in Redis apart from a stranger who asks in the same turn", async () => {
    const { put, cached, now, rights } = rig({ mostWhole: 0 });
    put("club", { kind: "private" }, { ann: ROLE });
    await cached("ann", "club");
    now.postgres = away();
    rights.doubt(1);
    const [ann, eve] = await Promise.allSettled([cached("ann", "club"), cached("eve", "club")]);
    expect([ann, eve]).toMatchObject([{ value: MEMBER }, { reason: { code: "unavailable" } }]);
  });

  it("say unavailable where Redis is away, and forget nothing for it", async () => {
    const { put, cached, atOnce, fresh, now } = rig();
    put("lobby");
    await cached("ann", "lobby");
    now.redis = away();
    await expect(fresh("ann", "lobby")).rejects.toMatchObject({ code: "unavailable" });
    await expect(cached("ann", "attic")).rejects.toMatchObject({ code: "unavailable" });
    expect(atOnce("ann", "lobby")).toEqual(MEMBER);
  });

  it("remember no more channels than they may, those in use whatever comes", async () => {
    const { put, cached, atOnce } = rig({ maxChannels: 2, pinned: ["a"] });
    for (const channel of ["a", "b", "c"]) {
      put(channel);
      await cached("ann", channel);
    }
    expect(["a", "b", "c"].map((channel) => atOnce("ann", channel) !== undefined)).toEqual([true, false, true]);
  });

  it("remember nothing where no changes are heard of, and ask Redis each time", async () => {
    const { put, cached, calls } = rig({ maxChannels: 0 });
    put("lobby");
    await cached("ann", "lobby");
    calls.length = 0;
    await cached("ann", "lobby");
    expect(calls).toEqual(["redis lobby:ann"]);
  });

  it("answer an error also when a store fails with something else", async () => {
    const { rights, now } = rig();
    now.postgres = "no reason";
    expect(await rights.cachedAll({ user: "ann", right: "join" }, ["lobby"])).toMatchObject([{ cause: "no reason" }]);
  });
});

describe("what is hidden", () => {
  it("is asked for where what is absent is asked for, each time, in the same order, and answered in the same words", async () => {
    for (const mostWhole of [0, 256]) {
      const { put, cached, calls } = rig({ mostWhole });
      put("priv", { kind: "private" }, { ann: ROLE });
      put("dm:x", { kind: "direct" }, { ann: ROLE });
      put("gone", { deleted: true }, { ann: ROLE });
      await cached("ann", "priv");
      const trails = [];
      for (const channel of ["attic", "priv", "dm:x", "gone", "attic", "priv", "dm:x", "gone"]) {
        calls.length = 0;
        const refusal: unknown = await cached("eve", channel, "history").catch((error: unknown) => error);
        const said = refusal instanceof ChatError ? `${refusal.code} ${refusal.message}` : "let in";
        trails.push([said, ...calls].join(", ").replaceAll(channel, "it"));
      }
      expect(new Set(trails)).toEqual(new Set(["not_found no such channel, redis it:eve, postgres it:eve"]));
    }
  });

  it("is unavailable like what is absent while Postgres is away, also where memory would tell", async () => {
    const { put, cached, now } = rig();
    put("priv", { kind: "private" }, { ann: ROLE });
    await cached("ann", "priv");
    now.postgres = away();
    for (const channel of ["priv", "attic"]) {
      await expect(cached("eve", channel)).rejects.toMatchObject({ code: "unavailable" });
    }
  });

  it("is seen at once by whoever was let in, though nobody told this process", async () => {
    const { put, cached, commit } = rig();
    put("priv", { kind: "private" }, { ann: ROLE });
    await cached("ann", "priv");
    commit("priv", { eve: ROLE });
    expect(await cached("eve", "priv")).toMatchObject({ role: "member", version: 4 });
  });

  it("is not a channel with a password, which asks for it by memory alone", async () => {
    const { put, cached, calls } = rig();
    put("vault", { kind: "password" }, { ann: ROLE });
    await cached("ann", "vault");
    calls.length = 0;
    await expect(cached("eve", "vault")).rejects.toMatchObject({ code: "password_required" });
    expect(calls).toEqual([]);
  });
});

describe("channels that make themselves", () => {
  it.each<Right>(["join", "write"])("are made for whoever first asks to %s, as their owner", async (right) => {
    const { cached, calls, atOnce } = rig({ autoCreate: true });
    expect(await cached("ann", "attic", right)).toMatchObject({ role: "owner" });
    expect(atOnce("bob", "attic")).toMatchObject({ role: "member" });
    expect(calls.filter((call) => call.startsWith("create"))).toEqual(["create attic for ann"]);
  });

  it("are empty to a reader, who makes none, and nothing is remembered of that", async () => {
    const { cached, calls, atOnce } = rig({ autoCreate: true });
    expect(await cached("ann", "attic", "history")).toMatchObject({ role: "member", version: 0 });
    await expect(cached("ann", "attic", "moderate")).rejects.toMatchObject({ code: "forbidden" });
    expect(atOnce("ann", "attic", "history")).toBeUndefined();
    expect(calls.some((call) => call.startsWith("create"))).toBe(false);
  });

  it("are none that were deleted, that are hidden, or that would be direct", async () => {
    const { put, cached, calls } = rig({ autoCreate: true });
    put("gone", { deleted: true });
    put("priv", { kind: "private" });
    for (const channel of ["gone", "priv", "dm:x"]) {
      for (const right of ["join", "history"] as const) {
        await expect(cached("ann", channel, right)).rejects.toMatchObject({ code: "not_found" });
      }
    }
    expect(calls.some((call) => call.startsWith("create"))).toBe(false);
  });

  it("are made together where several are joined at once", async () => {
    const { put, rights, calls } = rig({ autoCreate: true });
    put("lobby");
    const answers = await rights.cachedAll({ user: "ann", right: "join" }, ["a", "lobby", "b", "dm:x"]);
    expect(answers).toMatchObject([{ role: "owner" }, MEMBER, { role: "owner" }, { code: "not_found" }]);
    expect(calls.filter((call) => call.startsWith("create"))).toEqual(["create a b for ann"]);
  });
});

describe("rights in several channels", () => {
  it("are read in one question each of Redis and Postgres, and only where they are not known", async () => {
    const { put, rights, calls } = rig();
    for (const channel of ["a", "b", "c"]) put(channel);
    const seeker = { user: "ann", right: "join" } as const;
    expect(await rights.cachedAll(seeker, ["a", "x", "b"])).toMatchObject([
      MEMBER,
      { details: { channel: "x" } },
      MEMBER,
    ]);
    expect(await rights.cachedAll(seeker, ["c", "a"])).toEqual([MEMBER, MEMBER]);
    expect(calls.filter((call) => !call.startsWith("rules"))).toEqual([
      ...["redis a:ann x:ann b:ann", "postgres a:ann x:ann b:ann", "redis c:ann", "postgres c:ann"],
    ]);
  });

  it("stand where they are known while Postgres is away", async () => {
    const { put, rights, cached, now } = rig();
    put("a");
    await cached("ann", "a");
    now.postgres = away();
    const answers = await rights.cachedAll({ user: "ann", right: "join" }, ["a", "b"]);
    expect(answers).toMatchObject([MEMBER, { code: "unavailable" }]);
  });
});

describe("a change that is announced", () => {
  it("is in force in the same turn where the one before it is known", async () => {
    const { put, commit, cached, rights } = rig();
    put("lobby");
    await cached("ann", "lobby");
    expect(rights.apply(commit("lobby", { bob: { ban: { untilMs: null, reason: null } } }))).toBe("applied");
    expect(rights.remembered("lobby", "bob")).toMatchObject({ code: "banned" });
    expect(rights.remembered("lobby", "ann")).toMatchObject({ version: 4 });
  });

  it("changes nothing when it comes again, or after a later one", async () => {
    const { put, commit, cached, rights } = rig();
    put("lobby");
    await cached("ann", "lobby");
    const ban = commit("lobby", { bob: { ban: { untilMs: null, reason: null } } });
    const unban = commit("lobby", { bob: {} });
    expect([ban, unban, ban, unban].map(rights.apply)).toEqual(["applied", "applied", "known", "known"]);
    expect(rights.remembered("lobby", "bob")).toEqual({ ...MEMBER, version: 5 });
  });

  it("makes the channel forgotten where one before it never came, and where all entries may have changed", async () => {
    const { put, commit, cached, rights } = rig();
    for (const lost of [true, false]) {
      put("lobby");
      await cached("ann", "lobby");
      if (lost) commit("lobby", { eve: { ban: { untilMs: null, reason: null } } });
      expect(rights.apply({ ...commit("lobby", {}), forgets: !lost })).toBe("forgotten");
      expect(rights.remembered("lobby", "ann")).toBeUndefined();
    }
  });

  it("is not undone by a reading that began before it", async () => {
    for (const during of ["redis lobby:bob", "postgres lobby:bob", "rules lobby"]) {
      const { put, commit, rights, cached, meanwhile } = rig();
      put("lobby");
      meanwhile.set(during, () => {
        rights.apply(commit("lobby", { bob: { ban: { untilMs: null, reason: null } } }));
      });
      await expect(cached("bob", "lobby")).rejects.toMatchObject({ code: "banned" });
      expect(rights.remembered("lobby", "bob")).toMatchObject({ code: "banned" });
    }
  });

  it("keeps a channel whole only as long as few are special in it", async () => {
    const { put, commit, cached, rights } = rig();
    put("club", { kind: "private" }, { ann: ROLE });
    await cached("ann", "club");
    for (let n = 0; n < 1100; n += 1) rights.apply(commit("club", { [`u${n}`]: ROLE }));
    expect(rights.remembered("club", "u7")).toMatchObject({ role: "member" });
    expect(rights.remembered("club", "nobody")).toBeUndefined();
  });
});

describe("a doubt", () => {
  it("has all of the partition read again, and of no other", async () => {
    const { put, cached, rights, redis } = rig();
    for (const channel of ["lobby", "far"]) {
      put(channel);
      await cached("ann", channel);
    }
    rights.doubt(1);
    expect([rights.remembered("lobby", "ann"), rights.remembered("far", "ann")]).toEqual([undefined, MEMBER]);
    redis.set("lobby", {
      record: { version: 4, kind: "public", owner: "olga", slowModeSec: 0, memberCap: null, deleted: false },
      isWhole: true,
      entries: new Map([["ann", entryOf({ ban: { untilMs: null, reason: null } })]]),
    });
    await expect(cached("ann", "lobby")).rejects.toMatchObject({ code: "banned" });
  });

  it("is not answered by a reading that began before it", async () => {
    const { put, cached, rights } = rig();
    put("lobby");
    const reading = cached("ann", "lobby");
    rights.doubt(1);
    await reading;
    expect(rights.remembered("lobby", "ann")).toBeUndefined();
    await cached("ann", "lobby");
    expect(rights.remembered("lobby", "ann")).toEqual(MEMBER);
  });
});

describe("while Postgres is away", () => {
  it("what is doubted is believed again where Redis knows it, and is unavailable where it does not", async () => {
    const { put, cached, atOnce, rights, now, loseRedis } = rig();
    put("lobby");
    await cached("ann", "lobby");
    now.postgres = away();
    rights.doubt(1);
    expect(await cached("ann", "lobby")).toEqual(MEMBER);
    rights.doubt(1);
    loseRedis();
    await expect(cached("ann", "lobby")).rejects.toMatchObject({ code: "unavailable" });
    now.postgres = undefined;
    await cached("ann", "lobby");
    expect(atOnce("bob", "lobby")).toEqual(MEMBER);
  });
});

describe("a channel's rules", () => {
  it("come with the channel where Postgres tells of it", async () => {
    const stores = fakeStores({ settings: { version: 4, digestAbove: 7, countAbove: null } });
    const rights = createRights({ ...stores, autoCreate: true });
    stores.put("lobby");
    await rights.cached({ user: "ann", channel: "lobby", right: "join" });
    await rights.cachedAll({ user: "ann", right: "join" }, ["lobby", "attic"]);
    const rules = { version: 4, digestAbove: 7, countAbove: 1000 };
    expect([rights.rules("lobby"), rights.rules("attic")]).toEqual([rules, rules]);
  });
});
