// Who is present, as the scripts keep it in a real Redis and announce it.
import { encodeJoined, encodeLeft } from "@rookery/protocol";
import { testRedis } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { regulateCrowd } from "./crowd-rules.ts";
import { createPresenceReader } from "./presence-reader.ts";
import { countsIn, listenTo, nodeOn, told } from "./presence-kit.suite.ts";
import { connected, contentsOf, keys, newChannel, partitions } from "./publishing.suite.ts";

const server = await testRedis();
const { redis } = server;
const connection = await connected(server.url);
const reader = createPresenceReader({ connection, keys });

beforeEach(() => server.flush());

const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));

describe("a user's presence in a channel", () => {
  it("begins with the first connection in the cluster and ends with the last, each announced once", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    expect(await one.enter(channel, "ann", "s1")).toEqual({ online: 1, mode: "full" });
    expect(await one.enter(channel, "ann", "s2")).toEqual({ online: 1, mode: "full" });
    expect(await two.enter(channel, "ann", "s3")).toEqual({ online: 1, mode: "full" });
    expect(await countsIn(server, channel)).toEqual({ ann: 3 });
    await one.exit(channel, "ann");
    await one.exit(channel, "ann");
    expect(await two.enter(channel, "bob", "s4")).toEqual({ online: 2, mode: "full" });
    expect(await two.exit(channel, "ann")).toEqual({ online: 1, mode: "full" });
    const ann = { channel, user: "ann", name: "ann's name" };
    const [first, second, third] = [
      { online: 1, mode: "full", exclude: "s1", frame: encodeJoined({ ...ann, online: 1 }) },
      {
        ...{ online: 2, mode: "full", exclude: "s4" },
        frame: encodeJoined({ channel, user: "bob", name: "bob's name", online: 2 }),
      },
      { online: 1, mode: "full", exclude: "", frame: encodeLeft({ ...ann, online: 1 }) },
    ];
    await expect.poll(() => heard).toEqual([first, second, third]);
  });

  it.each(['a"b\\c/d', "wörd 🐦", "tab\tand\u0001", "a|b", "%c%%"])(
    "is announced in the bytes of every other frame: %j",
    async (text) => {
      const one = nodeOn(connection, "one");
      const channel = newChannel();
      const heard = await listenTo(server, channel);
      one.people.names = () => text;
      await one.enter(channel, text);
      await one.exit(channel, text);
      const person = { channel, user: text, name: text };
      await expect
        .poll(() => heard.map(({ frame }) => frame))
        .toEqual([encodeJoined({ ...person, online: 1 }), encodeLeft({ ...person, online: 0 })]);
    },
  );

  it("ranks the channel by who is present and their connections, for as long as somebody is", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const channel = newChannel();
    const { busy } = keys.partition(partitions.of(channel));
    const rank = async (): Promise<number> => Number(await redis.zscore(busy, channel));
    await one.enter(channel, "ann");
    await two.enter(channel, "ann");
    await two.enter(channel, "bob");
    expect(await rank()).toBe(2 * 2 ** 27 + 3);
    await one.exit(channel, "ann");
    expect(await rank()).toBe(2 * 2 ** 27 + 2);
    // As a build leaves it that does not count: nobody is ever told as less than one connection.
    await redis.del(busy);
    await one.enter(channel, "eve");
    expect(await rank()).toBe(3 * 2 ** 27 + 3);
    await Promise.all([two.exit(channel, "ann"), two.exit(channel, "bob"), one.exit(channel, "eve")]);
    expect(await redis.exists(busy)).toBe(0);
  });

  it("leaves nothing behind but the crowd's rules, for a day", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    await one.enter(channel, "ann");
    const before = await redis.keys("*channel*");
    expect(before).toHaveLength(4);
    await one.exit(channel, "ann");
    expect(await redis.keys("*channel*")).toEqual([keys.channel(channel).crowd]);
    const day = 24 * 3_600_000;
    expect(await redis.pttl(keys.channel(channel).crowd)).toBeGreaterThan(day - 60_000);
    expect(await redis.smembers(keys.partition(partitions.of(channel)).lease("one.1"))).toEqual([""]);
    await one.enter(channel, "ann");
    expect(await redis.pttl(keys.channel(channel).crowd)).toBe(-1);
  });

  it("told again and again is told once: nothing changes", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    await one.enter(channel, "ann");
    const before = await contentsOf(server);
    for (let n = 0; n < 3; n += 1) await one.presence.changed(channel, "ann");
    expect(await contentsOf(server)).toEqual(before);
    await one.presence.changed(channel, "nobody");
    expect(await contentsOf(server)).toEqual(before);
    expect(heard.map(told)).toEqual(["joined ann"]);
  });

  it("goes by the name told last, without a word", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const channel = newChannel();
    const heard = await listenTo(server, channel);
    await one.enter(channel, "ann");
    two.people.names = () => "Ann of two";
    await two.enter(channel, "ann");
    expect((await reader.page(channel, undefined, 10)).members).toEqual([
      { user: "ann", name: "Ann of two", connections: 2 },
    ]);
    await two.exit(channel, "ann");
    await one.exit(channel, "ann");
    await expect
      .poll(() => heard.at(-1)?.frame)
      .toBe(encodeLeft({ channel, user: "ann", name: "Ann of two", online: 0 }));
    expect(heard.map(told)).toEqual(["joined ann", "left ann"]);
  });

  it("of a crowd that comes in one turn is told in few runs", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    await one.enter(channel, "first");
    await redis.config("RESETSTAT");
    const crowds = await Promise.all(times(150, (n) => one.enter(channel, `user-${n}`)));
    expect(crowds.map(({ online }) => online)).toEqual(times(150, (n) => n + 2));
    expect(await redis.info("commandstats")).toMatch(/cmdstat_evalsha:calls=2,/);
  });
});

describe("the mode of a channel", () => {
  it("goes by members present, down at 80 % of what it goes up beyond, and is told with who comes and goes", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    one.people.rules = { version: 0, digestAbove: 5, countAbove: 10 };
    const heard = await listenTo(server, channel);
    const modes: string[] = [];
    for (let n = 1; n <= 12; n += 1) modes.push(`${n} ${(await one.enter(channel, `u${n}`)).mode}`);
    expect(modes).toEqual(times(12, (n) => `${n + 1} ${n + 1 > 10 ? "count" : n + 1 > 5 ? "digest" : "full"}`));
    const back: string[] = [];
    for (let n = 12; n >= 1; n -= 1) {
      const { online, mode } = await one.exit(channel, `u${n}`);
      back.push(`${online} ${mode}`);
    }
    expect(back).toEqual(times(12, (n) => 11 - n).map((n) => `${n} ${n > 8 ? "count" : n > 4 ? "digest" : "full"}`));
    await expect.poll(() => heard).toHaveLength(24);
    expect(heard.slice(0, 12).map(({ mode, online }) => `${online} ${mode}`)).toEqual(modes);
    expect(heard.slice(12).map(({ mode, online }) => `${online} ${mode}`)).toEqual(back);
    expect(heard.filter((each) => told(each) === "crowd")).toHaveLength(5);
  });

  it("by numbers alone is one envelope a run, which names nobody", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    one.people.rules = { version: 0, digestAbove: 1, countAbove: 2 };
    for (const user of ["a", "b", "c"]) await one.enter(channel, user);
    const heard = await listenTo(server, channel);
    await Promise.all(times(50, (n) => one.enter(channel, `u${n}`)));
    await expect.poll(() => heard).toEqual([{ online: 53, mode: "count", exclude: "", frame: "" }]);
  });

  it("follows the rules of the highest version that anybody brought", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    const channel = newChannel();
    one.people.rules = { version: 2, digestAbove: 1, countAbove: 100 };
    two.people.rules = { version: 1, digestAbove: 50, countAbove: 100 };
    await one.enter(channel, "ann");
    expect(await two.enter(channel, "bob")).toEqual({ online: 2, mode: "digest" });
    expect(await redis.hgetall(keys.channel(channel).crowd)).toEqual({
      ...{ mode: "1", digest: "1", count: "100", version: "2" },
    });
  });
});

describe("changed settings of a channel", () => {
  it("are in force at once and told where the mode changes; older ones and repeats change nothing", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    for (const user of ["a", "b", "c"]) await one.enter(channel, user);
    const heard = await listenTo(server, channel);
    const rules = { version: 2, digestAbove: 2, countAbove: 50 };
    expect(await regulateCrowd({ connection, keys }, channel, rules)).toEqual({ online: 3, mode: "digest" });
    const before = await contentsOf(server);
    expect(await regulateCrowd({ connection, keys }, channel, rules)).toEqual({ online: 3, mode: "digest" });
    const older = { version: 1, digestAbove: 1, countAbove: 2 };
    expect(await regulateCrowd({ connection, keys }, channel, older)).toEqual({ online: 3, mode: "digest" });
    expect(await contentsOf(server)).toEqual(before);
    expect(await one.enter(channel, "d")).toEqual({ online: 4, mode: "digest" });
    await expect.poll(() => heard).toHaveLength(2);
    expect(heard[0]).toEqual({ online: 3, mode: "digest", exclude: "", frame: "" });
  });

  it("wait in an empty channel for whoever comes first, for a day", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const rules = { version: 7, digestAbove: 1, countAbove: 50 };
    expect(await regulateCrowd({ connection, keys }, channel, rules)).toEqual({ online: 0, mode: "full" });
    expect(await redis.pttl(keys.channel(channel).crowd)).toBeGreaterThan(0);
    await one.enter(channel, "ann");
    expect(await one.enter(channel, "bob")).toEqual({ online: 2, mode: "digest" });
    expect(await redis.pttl(keys.channel(channel).crowd)).toBe(-1);
  });
});

describe("who is present", () => {
  it("is read in pages by the bytes of the user, with names and numbers", async () => {
    const one = nodeOn(connection, "one");
    const channel = newChannel();
    const users = ["Zoe", "ann", "bob", "é", "🐦"];
    for (const user of users.toReversed()) await one.enter(channel, user);
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await reader.page(channel, cursor, 2);
      expect(page.crowd).toEqual({ online: 5, mode: "full" });
      seen.push(...page.members.map(({ user, name }) => `${user}: ${name}`));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual(users.map((user) => `${user}: ${user}'s name`));
    expect(await reader.page(channel, "z", 10)).toMatchObject({ members: [{ user: "é" }, { user: "🐦" }] });
    expect(await reader.crowd(channel)).toEqual({ online: 5, mode: "full" });
    expect(await reader.crowd("empty")).toEqual({ online: 0, mode: "full" });
    expect(await reader.page("empty", undefined, 10)).toEqual({ crowd: { online: 0, mode: "full" }, members: [] });
  });
});

describe("sessions", () => {
  it("of a user are known with their node, and when the user was last seen", async () => {
    const [one, two] = [nodeOn(connection, "one"), nodeOn(connection, "two")];
    one.begin("ann", "s1");
    one.begin("ann", "s2");
    two.begin("ann", "s3");
    await expect.poll(async () => (await reader.sessionsOf("ann")).length).toBe(3);
    const record = { since: 1, address: "hash", client: "a client", name: "ann's name" };
    expect((await reader.sessionsOf("ann")).toSorted((a, b) => a.session.localeCompare(b.session))).toEqual([
      { session: "s1", node: "one.1", ...record },
      { session: "s2", node: "one.1", ...record },
      { session: "s3", node: "two.1", ...record },
    ]);
    const partition = keys.partition(partitions.ofUser("ann"));
    expect(await redis.hget(partition.seen, "ann")).toMatch(/^\d{13}\|ann's name$/);
    await redis.del(partition.seen);
    one.end("ann", "s1");
    await expect.poll(async () => (await reader.sessionsOf("ann")).length).toBe(2);
    expect(await redis.smembers(partition.lease("one.1"))).toContain("u|ann");
    expect(await redis.hget(partition.seen, "ann")).toMatch(/^\d{13}\|ann's name$/);
    one.end("ann", "s2");
    two.end("ann", "s3");
    await expect.poll(() => redis.exists(keys.user("ann").sessions)).toBe(0);
    expect(await redis.smembers(partition.lease("one.1"))).toEqual([""]);
  });
});

describe("a key of another type than ours", () => {
  it.each(["here", "crowd", "hereon"] as const)("for %s ends its channel's changes and no others", async (which) => {
    const failures: string[] = [];
    const one = nodeOn(connection, "one", { failed: (reason) => void failures.push(reason) });
    const channel = newChannel();
    let other = newChannel();
    while (partitions.of(other) !== partitions.of(channel)) other = newChannel();
    const own = keys.channel(channel);
    await redis.set(which === "hereon" ? own.hereOn("one.1") : own[which], "no hash");
    const [broken, whole] = await Promise.allSettled([one.enter(channel, "ann"), one.enter(other, "ann")]);
    expect(broken).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
    expect(whole).toMatchObject({ status: "fulfilled", value: { online: 1 } });
    expect(failures).toEqual([expect.stringMatching(/WRONGTYPE/)]);
  });
});
