// Contract of the acts on a channel's rights: who may do what to whom, what becomes of two at the same moment, and what each
// leaves behind for those who have to hear of it.
import { parseControl } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { createChannelActs } from "./channel-acts.ts";
import { createChannelMembers } from "./channel-members.ts";
import { createChannels } from "./channels.ts";
import { connectStore } from "./connect.ts";
import { act, BACKEND, by, peopled, told } from "./rights.fixture.ts";
import type { ChannelOutcome } from "./rights-changes.ts";
import { createSanctions } from "./sanctions.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 8, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());

const acts = createChannelActs(store);
const channels = createChannels(store);
const FOR_GOOD = { untilMs: null, reason: null };
const NOTHING = { role: null, ban: null, mute: null };

const rolesIn = async (channel: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    (await createChannelMembers(store).list(channel, undefined, 100)).map(({ user, role }) => [user, role]),
  );
const versionOf = async (channel: string): Promise<number | undefined> => (await channels.find(channel))?.rightsVersion;

describe("an act that is done", () => {
  it("answers a control that every node can read, with the next version and what changed", async () => {
    await peopled(acts, "spoken");
    const untilMs = Date.now() + 60_000;
    const outcome = await acts.ban({
      ...act("spoken", "mo"),
      user: "mia",
      ban: { untilMs, reason: 'spam, "eggs" & 🥓' },
    });
    if (outcome.kind !== "done") throw new Error(told(outcome));
    expect(parseControl(JSON.stringify(outcome.change))).toEqual(outcome.change);
    const ban = { untilMs, reason: 'spam, "eggs" & 🥓' };
    expect(outcome.change).toEqual({
      kind: "channel",
      channel: "spoken",
      record: { version: 5, kind: "private", owner: "olga", slowModeSec: 0, memberCap: null, deleted: false },
      entries: [{ user: "mia", entry: { ...NOTHING, ban } }],
      forgets: false,
      removal: { code: "banned", user: "mia", keeps: [], ...ban },
    });
    expect(JSON.parse(outcome.audit)).toEqual({
      ...{ kind: "ban", actor: "mo", subject: "mia", channel: "spoken", node: null, address: null },
      ...{ reason: ban.reason, data: { untilMs } },
    });
    const [left] = await sql`select partition, control, audit from announcements where id = ${outcome.announcement}`;
    expect(left).toEqual({ partition: 3, control: outcome.change, audit: JSON.parse(outcome.audit) });
  });

  it("of any kind gives the channel's rights their next version, and one that changes nothing none", async () => {
    await peopled(acts, "counted", "public");
    const from = (await versionOf("counted")) ?? 0;
    const to = act("counted", "olga");
    const outcomes = [
      await acts.setRole({ ...to, user: "new", role: "member" }),
      await acts.setRole({ ...to, user: "new", role: "member" }),
      await acts.setRole({ ...to, user: "new", role: null }),
      await acts.setRole({ ...to, user: "new", role: null }),
      await acts.ban({ ...to, user: "new", ban: null }),
      await acts.ban({ ...to, user: "new", ban: FOR_GOOD }),
      await acts.ban({ ...to, user: "new", ban: null }),
      await acts.mute({ ...to, user: "new", mute: null }),
      await acts.mute({ ...to, user: "new", mute: FOR_GOOD }),
      await acts.mute({ ...to, user: "new", mute: null }),
      await acts.kick({ ...to, user: "new", reason: null }),
      await acts.change({ ...to, given: { slowModeSec: 5 } }),
      await acts.change({ ...to, given: { slowModeSec: 5 } }),
    ];
    const done = "done";
    const same = "unchanged";
    const kinds = [done, same, done, same, same, done, done, same, done, done, done, done, same];
    expect(outcomes.map(told)).toEqual(kinds);
    const versions = outcomes.flatMap((outcome) => (outcome.kind === done ? [outcome.change.record.version] : []));
    expect(versions).toEqual(versions.map((_, n) => from + 1 + n));
    expect(await versionOf("counted")).toBe(from + versions.length);
    const changes = outcomes.flatMap((outcome) => (outcome.kind === done ? [outcome.change] : []));
    expect(changes.map((change) => parseControl(JSON.stringify(change)))).toEqual(changes);
  });

  it("tells of bans and unbans that race in the order in which they were committed", async () => {
    await peopled(acts, "raced");
    const from = (await versionOf("raced")) ?? 0;
    const raced = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        acts.ban({ ...act("raced", n % 3 === 0 ? "mo" : "olga"), user: "mia", ban: n % 2 === 0 ? FOR_GOOD : null }),
      ),
    );
    const done = raced.flatMap((outcome) => (outcome.kind === "done" ? [outcome.change] : []));
    const inOrder = done.toSorted((a, b) => a.record.version - b.record.version);
    expect(inOrder.map(({ record }) => record.version)).toEqual(inOrder.map((_, n) => from + 1 + n));
    // What is unchanged lifts nothing: so no two that lift follow each other.
    const lifts = inOrder.map(({ entries }) => entries[0]?.entry.ban === null);
    expect(lifts.some((lift, n) => lift && (n === 0 || lifts[n - 1] === true))).toBe(false);
    const stands = await createSanctions(store).list("ban", "raced", undefined, 10);
    expect(stands).toHaveLength(lifts.at(-1) === true ? 0 : 1);
  });

  it("stays to be announced when whoever asked for it dies in the same moment", async () => {
    await peopled(acts, "orphaned");
    const dying = connectStore({ url, max: 1, application: "dying", statementTimeoutMs: 5_000 });
    const asked = createChannelActs(dying).ban({ ...act("orphaned", "olga"), user: "mia", ban: FOR_GOOD });
    asked.catch(() => undefined);
    await expect.poll(() => createSanctions(store).list("ban", "orphaned", undefined, 10)).toHaveLength(1);
    await dying.close();
    const left =
      await sql`select audit ->> 'kind' as kind from announcements where control ->> 'channel' = 'orphaned' order by id`;
    expect(left.at(-1)).toEqual({ kind: "ban" });
  });
});

describe("who may act", () => {
  const refusal = async (asked: Promise<ChannelOutcome>): Promise<string> => told(await asked);

  it("is a moderator upon lower roles, an owner upon all but owners, and an API key upon everybody", async () => {
    await peopled(acts, "ranked");
    await acts.setRole({ ...act("ranked"), user: "max", role: "moderator" });
    await acts.setRole({ ...act("ranked"), user: "oda", role: "owner" });
    const mo = act("ranked", "mo");
    const onlyLower = "forbidden: the user is a moderator: a moderator acts only on lower roles";
    for (const outcome of [
      acts.ban({ ...mo, user: "max", ban: FOR_GOOD }),
      acts.mute({ ...mo, user: "max", mute: FOR_GOOD }),
      acts.kick({ ...mo, user: "max", reason: null }),
      acts.setRole({ ...mo, user: "max", role: "member" }),
    ])
      expect(await refusal(outcome)).toBe(onlyLower);
    expect(await refusal(acts.kick({ ...mo, user: "olga", reason: null }))).toContain("the user is an owner");
    expect(await refusal(acts.setRole({ ...mo, user: "mia", role: "owner" }))).toBe(
      "forbidden: a moderator makes nobody an owner",
    );
    expect(await refusal(acts.setRole({ ...mo, user: "mia", role: "moderator" }))).toBe("done");
    expect(await refusal(acts.ban({ ...act("ranked", "olga"), user: "oda", ban: FOR_GOOD }))).toContain("forbidden");
    expect(await refusal(acts.mute({ ...act("ranked", "olga"), user: "max", mute: FOR_GOOD }))).toBe("done");
    expect(await refusal(acts.ban({ ...act("ranked"), user: "oda", ban: FOR_GOOD }))).toBe("done");
    const rea = act("ranked", "rea");
    expect(await refusal(acts.kick({ ...rea, user: "mia", reason: null }))).toBe(
      "forbidden: only a moderator or an owner kicks",
    );
    expect(await refusal(acts.change({ ...mo, given: { name: "x" } }))).toBe(
      "forbidden: only an owner changes the channel",
    );
    expect(await refusal(acts.delete(mo))).toBe("forbidden: only an owner deletes the channel");
  });

  it("is nobody upon themselves, but to leave", async () => {
    await peopled(acts, "selfish", "public");
    const mo = act("selfish", "mo");
    expect(await refusal(acts.ban({ ...mo, user: "mo", ban: FOR_GOOD }))).toBe("forbidden: nobody acts on themselves");
    expect(await refusal(acts.mute({ ...mo, user: "mo", mute: null }))).toContain("forbidden");
    expect(await refusal(acts.kick({ ...mo, user: "mo", reason: null }))).toContain("forbidden");
    expect(await refusal(acts.setRole({ ...mo, user: "mo", role: "member" }))).toContain("forbidden");
    expect(await refusal(acts.setRole({ ...mo, user: "mo", role: "moderator" }))).toBe("unchanged");
    expect(await refusal(acts.setRole({ ...mo, user: "mo", role: null }))).toBe("done");
    expect(await refusal(acts.setRole({ ...act("selfish", "nobody"), user: "nobody", role: null }))).toBe("unchanged");
    // Whoever has no role in a public channel may write: a reader would gain by leaving.
    expect(await refusal(acts.setRole({ ...act("selfish", "rea"), user: "rea", role: null }))).toContain("forbidden");
  });

  it("is neither of two moderators who ban each other at the same moment", async () => {
    await peopled(acts, "duel");
    await acts.setRole({ ...act("duel"), user: "max", role: "moderator" });
    const both = await Promise.all([
      acts.ban({ ...act("duel", "mo"), user: "max", ban: FOR_GOOD }),
      acts.ban({ ...act("duel", "max"), user: "mo", ban: FOR_GOOD }),
    ]);
    expect(both.map((outcome) => told(outcome).split(":")[0])).toEqual(["forbidden", "forbidden"]);
    expect(await rolesIn("duel")).toMatchObject({ mo: "moderator", max: "moderator" });
  });

  it("is judged by the role that stands when it is done, not by the one that stood when it was asked", async () => {
    for (let n = 0; n < 10; n += 1) {
      const channel = `fallen-${n}`;
      await peopled(acts, channel);
      const [fall, ban] = await Promise.all([
        acts.setRole({ ...act(channel, "olga"), user: "mo", role: "member" }),
        acts.ban({ ...act(channel, "mo"), user: "mia", ban: FOR_GOOD }),
      ]);
      if (fall.kind !== "done") throw new Error(told(fall));
      const wasFirst = ban.kind === "done" && ban.change.record.version < fall.change.record.version;
      expect(wasFirst || ban.kind === "refused").toBe(true);
    }
  });

  it("is told the same of a channel that one may not know of as of one that never was, or was deleted", async () => {
    await peopled(acts, "secret");
    await peopled(acts, "buried");
    await acts.delete(act("buried", "olga"));
    for (const channel of ["secret", "buried", "never"]) {
      const nosy = act(channel, "nosy");
      const outcomes = [
        acts.setRole({ ...nosy, user: "nosy", role: null }),
        acts.setRole({ ...nosy, user: "mia", role: "member" }),
        acts.ban({ ...nosy, user: "mia", ban: FOR_GOOD }),
        acts.mute({ ...nosy, user: "mia", mute: FOR_GOOD }),
        acts.kick({ ...nosy, user: "mia", reason: null }),
        acts.change({ ...nosy, given: { name: "x", passwordHash: "y" } }),
        acts.delete(nosy),
        acts.admit({ ...nosy, user: "nosy", passwordHash: "x" }),
      ];
      for (const outcome of outcomes) expect(await refusal(outcome)).toBe("not_found: no such channel");
    }
    expect(await refusal(acts.kick({ ...act("buried"), user: "mia", reason: null }))).toBe(
      "not_found: no such channel",
    );
  });
});

describe("a role", () => {
  it("of the last owner stays, whoever would take it, and however several leave at once", async () => {
    await peopled(acts, "owned");
    await acts.setRole({ ...act("owned"), user: "oda", role: "owner" });
    const leave = (user: string): Promise<ChannelOutcome> => acts.setRole({ ...act("owned", user), user, role: null });
    const both = await Promise.all([leave("olga"), leave("oda")]);
    expect(both.map((outcome) => told(outcome).split(":")[0]).toSorted()).toEqual(["conflict", "done"]);
    const [last = ""] = Object.entries(await rolesIn("owned")).flatMap(([user, role]) =>
      role === "owner" ? [user] : [],
    );
    // The channel names one who is an owner.
    expect((await channels.find("owned"))?.owner).toBe(last);
    const conflict = "conflict: the channel would have no owner: make somebody else one first";
    expect(told(await acts.setRole({ ...act("owned"), user: last, role: "member" }))).toBe(conflict);
    expect(told(await acts.setRole({ ...act("owned"), user: last, role: null }))).toBe(conflict);
    expect(told(await acts.ban({ ...act("owned"), user: last, ban: FOR_GOOD }))).toBe(conflict);
  });

  it("goes with a ban, does not come back with its end, and is given to nobody who is banned", async () => {
    await peopled(acts, "barred");
    await acts.ban({ ...act("barred", "mo"), user: "mia", ban: FOR_GOOD });
    expect(await rolesIn("barred")).not.toHaveProperty("mia");
    const again = { ...act("barred", "mo"), user: "mia", role: "member" } as const;
    expect(told(await acts.setRole(again))).toBe("conflict: the user is banned from the channel: lift the ban first");
    await acts.ban({ ...act("barred", "mo"), user: "mia", ban: null });
    expect(await rolesIn("barred")).not.toHaveProperty("mia");
    expect(told(await acts.setRole(again))).toBe("done");
    await acts.ban({ ...act("barred", "mo"), user: "mia", ban: { untilMs: Date.now() - 1, reason: null } });
    expect(told(await acts.setRole(again))).toBe("done");
  });

  it("is given to no more users than the cap allows, except in a public channel", async () => {
    for (const [channel, kind] of [
      ["capped", "private"],
      ["uncapped", "public"],
    ] as const) {
      await peopled(acts, channel, kind);
      await acts.change({ ...act(channel), given: { memberCap: 5 } });
      const given = await Promise.all(
        ["u1", "u2", "u3"].map((user) => acts.setRole({ ...act(channel, "mo"), user, role: "member" })),
      );
      const words = "too_many: the channel has as many members as it may have: 5";
      const many = kind === "public" ? ["done", "done", "done"] : ["done", words, words];
      expect(given.map(told).toSorted()).toEqual(many);
      expect(told(await acts.setRole({ ...act(channel, "mo"), user: "rea", role: "member" }))).toBe("done");
    }
  });

  it("that is taken away takes its user out of all but a public channel", async () => {
    for (const kind of ["public", "private", "password"] as const) {
      await peopled(acts, `left-${kind}`, kind);
      const outcome = await acts.setRole({ ...act(`left-${kind}`, "mia"), user: "mia", role: null });
      if (outcome.kind !== "done") throw new Error(told(outcome));
      const removal = { code: "forbidden", user: "mia", keeps: [], untilMs: null, reason: null };
      expect(outcome.change.removal).toEqual(kind === "public" ? null : removal);
    }
  });
});

describe("a password", () => {
  it("makes a member of who has shown it, while it stands and nothing is against it", async () => {
    await peopled(acts, "closed", "password");
    const admit = async (user: string, passwordHash = "hash-1"): Promise<string> =>
      told(await acts.admit({ ...act("closed", user), user, passwordHash }));
    expect(await channels.passwordHash("closed")).toBe("hash-1");
    expect(await admit("new")).toBe("done");
    expect(await admit("new", "hash-0")).toBe("unchanged");
    expect(await rolesIn("closed")).toMatchObject({ new: "member", rea: "reader" });
    expect(await admit("late", "hash-0")).toBe("conflict: the password was changed meanwhile");
    await acts.ban({ ...act("closed"), user: "bad", ban: FOR_GOOD });
    expect(await admit("bad")).toBe("forbidden: banned from this channel");
    await acts.change({ ...act("closed"), given: { memberCap: 6 } });
    expect(await admit("last")).toBe("done");
    expect(await admit("late")).toContain("too_many");
    await peopled(acts, "without");
    expect(told(await acts.admit({ ...act("without", "new"), user: "new", passwordHash: "x" }))).toContain("not_found");
  });

  it("that is new keeps everybody, or evicts whoever is below a moderator", async () => {
    await peopled(acts, "changed", "password");
    const kept = await acts.change({ ...act("changed", "olga"), given: { passwordHash: "hash-2" } });
    if (kept.kind !== "done") throw new Error(told(kept));
    expect(kept.change.removal).toBeNull();
    expect(kept.audit).not.toContain("hash-2");
    expect(Object.keys(await rolesIn("changed"))).toEqual(["mia", "mo", "olga", "rea"]);
    const evicted = await acts.change({ ...act("changed", "olga"), given: { passwordHash: "hash-3", evict: true } });
    if (evicted.kind !== "done") throw new Error(told(evicted));
    const removal = {
      code: "password_changed",
      user: null,
      keeps: ["owner", "moderator"],
      untilMs: null,
      reason: null,
    };
    expect(evicted.change).toMatchObject({ removal, forgets: true });
    expect(parseControl(JSON.stringify(evicted.change))).toBeDefined();
    expect(await rolesIn("changed")).toEqual({ mo: "moderator", olga: "owner" });
    await peopled(acts, "open", "public");
    expect(told(await acts.change({ ...act("open"), given: { passwordHash: "x" } }))).toContain("invalid");
    expect(told(await acts.change({ ...act("changed"), given: { evict: true } }))).toContain("invalid");
  });
});

describe("channels", () => {
  it("of every kind are made with who belongs to them, once, and are listed for those alone", async () => {
    const given = { name: "Den", slowModeSec: 3, memberCap: 9, retentionDays: 7, digestAbove: 5, countAbove: 50 };
    const wanted = { kind: "private", owner: "una", given } as const;
    const made = await acts.create({ ...act("den", "una"), wanted });
    expect(made).toMatchObject({
      kind: "done",
      row: {
        id: "den",
        kind: "private",
        owner: "una",
        ...given,
        settingsVersion: 1,
        rightsVersion: 1,
        hasPassword: false,
      },
      change: { record: { version: 1, slowModeSec: 3, memberCap: 9 }, removal: null },
    });
    expect(told(await acts.create({ ...act("den", "eve"), wanted }))).toBe("conflict: there is a channel with this id");
    if (made.kind === "refused") throw new Error(told(made));
    expect(await channels.find("den")).toEqual(made.row);
    const withPassword = { kind: "password", owner: "una", given: { passwordHash: "h" } } as const;
    expect(await acts.create({ ...act("lock"), wanted: withPassword })).toMatchObject({ row: { hasPassword: true } });
    const listed = async (member: string): Promise<string[]> =>
      (await channels.list({ limit: 100, member })).map(({ id }) => id);
    expect(await listed("una")).toEqual(["den", "lock"]);
    expect((await channels.list({ limit: 100, kind: "public" })).map(({ id }) => id)).not.toContain("den");
  });

  it("between two users are one channel, whoever makes it, of which neither is the owner", async () => {
    const wanted = (users: readonly [string, string]) => ({ kind: "direct", users }) as const;
    const both = await Promise.all([
      acts.create({ ...act("dm:1", "ann"), wanted: wanted(["ann", "ben"]) }),
      acts.create({ ...act("dm:1", "ben"), wanted: wanted(["ben", "ann"]) }),
    ]);
    expect(both.map(told).toSorted()).toEqual(["done", "unchanged"]);
    expect(await rolesIn("dm:1")).toEqual({ ann: "member", ben: "member" });
    expect((await channels.list({ limit: 10, member: "ben" })).map(({ id }) => id)).toEqual(["dm:1"]);
    const ann = act("dm:1", "ann");
    for (const outcome of [
      await acts.setRole({ ...ann, user: "ann", role: null }),
      await acts.setRole({ ...act("dm:1"), user: "cy", role: "member" }),
      await acts.ban({ ...act("dm:1"), user: "ben", ban: FOR_GOOD }),
      await acts.mute({ ...ann, user: "ben", mute: FOR_GOOD }),
      await acts.kick({ ...ann, user: "ben", reason: null }),
    ])
      expect(told(outcome)).toContain("conflict: a direct channel has its two members");
    expect(told(await acts.change({ ...ann, given: { name: "Ours" } }))).toContain("forbidden");
    expect(told(await acts.delete(ann))).toContain("forbidden");
    expect(told(await acts.change({ ...act("dm:1"), given: { memberCap: 1 } }))).toContain("invalid");
    expect(told(await acts.create({ ...ann, wanted: wanted(["ann", "ann"]) }))).toContain("invalid");
    expect(told(await acts.delete(act("dm:1")))).toBe("done");
    expect(told(await acts.create({ ...ann, wanted: wanted(["ann", "ben"]) }))).toContain("conflict");
  });

  it("that were deleted are gone for every reader, and their ids are given to nobody again", async () => {
    await peopled(acts, "old", "public");
    const gone = await acts.delete(act("old", "olga"));
    if (gone.kind !== "done") throw new Error(told(gone));
    const removal = { code: "deleted", user: null, keeps: [], untilMs: null, reason: null };
    expect(gone.change).toMatchObject({ record: { deleted: true }, forgets: true, removal });
    expect(await channels.find("old")).toBeUndefined();
    expect(await channels.existing(["old"])).toEqual(new Map());
    expect(await channels.ensurePublic(["old"], "eve")).toEqual(new Map());
    expect(await channels.list({ limit: 100, member: "olga", after: "ok" })).not.toContainEqual(
      expect.objectContaining({ id: "old" }),
    );
    const wanted = { kind: "public", owner: "eve", given: {} } as const;
    expect(told(await acts.create({ ...act("old", "eve"), wanted }))).toBe("conflict: there is a channel with this id");
    expect(told(await acts.delete(act("old", "olga")))).toBe("not_found: no such channel");
  });

  it("are changed in what is given alone, and never into settings that contradict each other", async () => {
    await peopled(acts, "set", "public");
    const change = async (given: object) =>
      acts.change({ ...act("set"), given, defaults: { digestAbove: 100, countAbove: 1000 } });
    expect(await change({ name: "Set", digestAbove: 20 })).toMatchObject({ row: { name: "Set", digestAbove: 20 } });
    expect(await change({ name: null })).toMatchObject({ row: { name: null, digestAbove: 20, settingsVersion: 2 } });
    expect(await change({ name: null, digestAbove: 20 })).toMatchObject({
      kind: "unchanged",
      row: { settingsVersion: 2 },
    });
    expect(await change({ digestAbove: 1000 })).toMatchObject({
      message: '"settings.digestAbove" (1000) must be below "settings.countAbove" (1000)',
    });
    const both = await Promise.all([change({ digestAbove: 60 }), change({ countAbove: 50 })]);
    expect(both.map((outcome) => told(outcome).split(":")[0]).toSorted()).toEqual(["done", "invalid"]);
  });
});

describe("bans and mutes", () => {
  it("are listed by user, in pages, while they are in force, also of users whom nobody has seen", async () => {
    await peopled(acts, "listed");
    const untilMs = Date.now() + 60_000;
    for (const user of ["b", "a", "é"])
      await acts.ban({ ...act("listed", "mo"), user, ban: { untilMs, reason: "why" } });
    await acts.ban({ ...act("listed"), user: "ended", ban: { untilMs: 5, reason: null } });
    await acts.mute({ actor: BACKEND, channel: "listed", partition: 0, user: "mia", mute: FOR_GOOD });
    const sanctions = createSanctions(store);
    const ban = { channel: "listed", untilMs, reason: "why", by: "mo", at: expect.any(Number) };
    expect(await sanctions.list("ban", "listed", undefined, 2)).toEqual([
      { user: "a", ...ban },
      { user: "b", ...ban },
    ]);
    expect(await sanctions.list("ban", "listed", "b", 2)).toEqual([{ user: "é", ...ban }]);
    expect(await sanctions.list("mute", "listed", undefined, 2)).toMatchObject([{ user: "mia", by: "key:backend" }]);
    // A user may be called like a key.
    expect(told(await acts.kick({ ...act("listed", by("key:backend")), user: "mia", reason: null }))).toContain(
      "not_found",
    );
  });
});
