// Contract of channels, API keys and refresh tokens.
import { randomBytes } from "node:crypto";
import { parseControl } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { createApiKeys } from "./api-keys.ts";
import { createChannelActs } from "./channel-acts.ts";
import { createChannelMembers } from "./channel-members.ts";
import { createChannels } from "./channels.ts";
import type { ChannelPage, ChannelSettings } from "./channels.ts";
import { connectStore } from "./connect.ts";
import { createRefreshTokens } from "./refresh-tokens.ts";
import { act } from "./rights.fixture.ts";
import type { ChannelGiven } from "./rights-changes.ts";
import { createUsers } from "./users.ts";

const UNSET: ChannelSettings = { version: 0, digestAbove: null, countAbove: null };

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 8, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const acts = createChannelActs(store);

describe("channels", () => {
  const channels = createChannels(store);
  const make = (id: string, owner: string, given: ChannelGiven = {}) =>
    acts.create({ ...act(id, owner), wanted: { kind: "public", owner, given } });

  it("are made once with their first user as owner, however many make them at once", async () => {
    const owners = ["ada", "bob", "cy", "dan", "eve", "flo"];
    const outcomes = await Promise.all(owners.map((owner) => make("lobby", owner)));
    const [first, ...others] = outcomes.flatMap((outcome) => (outcome.kind === "done" ? [outcome.row] : []));
    expect(others).toEqual([]);
    expect(await channels.find("lobby")).toEqual(first);
    const unset = { slowModeSec: 0, retentionDays: null, memberCap: null, settingsVersion: 0 };
    expect(first).toMatchObject({ kind: "public", name: null, ...unset, digestAbove: null, countAbove: null });
    expect(await sql`select user_id, role from members where channel = 'lobby'`).toEqual([
      { user_id: first?.owner, role: "owner" },
    ]);
  });

  it("are made many at once, each once, by whoever came first, also when two make the same in another order", async () => {
    const ids = Array.from({ length: 50 }, (_, n) => `many-${n}`);
    await make("many-7", "first");
    const found = await Promise.all([
      channels.ensurePublic(ids, "ada"),
      channels.ensurePublic(ids.toReversed(), "bob"),
      channels.ensurePublic([...ids, ...ids], "cy"),
    ]);
    for (const each of found) expect([...each.keys()].toSorted()).toEqual(ids.toSorted());
    expect(await channels.existing([...ids, "nowhere"])).toEqual(new Map(ids.map((id) => [id, UNSET])));
    expect((await channels.find("many-7"))?.owner).toBe("first");
    const members = await sql`select c.owner, m.user_id, m.role from channels c join members m on m.channel = c.id
      where c.id like 'many-%'`;
    expect(members).toHaveLength(ids.length);
    expect(members.every(({ owner, user_id: user, role }) => owner === user && role === "owner")).toBe(true);
  });

  it("tell their settings and how old those are to whoever finds them", async () => {
    expect(await make("set", "ada", { digestAbove: 3 })).toMatchObject({ row: { settingsVersion: 1 } });
    const found = new Map([["set", { version: 1, digestAbove: 3, countAbove: null }]]);
    expect(await channels.existing(["set", "nowhere"])).toEqual(found);
    expect(await channels.ensurePublic(["set", "unset"], "bob")).toEqual(new Map([...found, ["unset", UNSET]]));
  });

  it("tell who has a role in them, by user, with what is known of each", async () => {
    await make("with-roles", "mo");
    await sql`insert into members (channel, user_id, role, since)
      values ('with-roles', 'ann', 'moderator', 5), ('with-roles', 'é', 'reader', 6)`;
    await sql`insert into users (id, name, first_seen_at, last_seen_at) values ('ann', 'Ann', 1, 9)`;
    const members = createChannelMembers(store);
    const ann = { user: "ann", name: "Ann", role: "moderator", since: 5, lastSeenAt: 9 };
    const mo = { user: "mo", name: null, role: "owner", since: expect.any(Number), lastSeenAt: null };
    expect(await members.list("with-roles", undefined, 2)).toEqual([ann, mo]);
    expect(await members.list("with-roles", "mo", 2)).toMatchObject([{ user: "é", role: "reader" }]);
    expect(await members.list("nowhere", undefined, 2)).toEqual([]);
    const asked = ["mo", "nobody", "ann", 'quoted "o\\'];
    expect(await members.roles("with-roles", asked)).toEqual(
      new Map([
        ["ann", "moderator"],
        ["mo", "owner"],
      ]),
    );
    expect(await members.roles("nowhere", asked)).toEqual(new Map());
  });

  it("that nobody made are not found", async () => {
    expect(await channels.find("nowhere")).toBeUndefined();
  });

  it("are listed by id, in pages, all or only those of a member", async () => {
    for (const id of ["x:b", "x:a", "X:c"]) await make(id, "lister");
    const ids = async (page: ChannelPage): Promise<string[]> => (await channels.list(page)).map(({ id }) => id);
    expect(await ids({ limit: 10, member: "lister" })).toEqual(["X:c", "x:a", "x:b"]);
    expect(await ids({ limit: 2, after: "X:c", member: "lister" })).toEqual(["x:a", "x:b"]);
    expect(await ids({ limit: 10, member: "lister", kind: "public" })).toHaveLength(3);
    expect(await ids({ limit: 10, member: "lister", kind: "private" })).toEqual([]);
    expect(await ids({ limit: 10 })).toContain("lobby");
    expect(await ids({ limit: 10, member: "nobody" })).toEqual([]);
  });
});

describe("users", () => {
  it("are found as they were last seen, once they were", async () => {
    await sql`insert into users (id, name, first_seen_at, last_seen_at) values ('zoe', 'Zoe', 3, 4)`;
    const users = createUsers(store);
    expect(await users.find("zoe")).toEqual({ id: "zoe", name: "Zoe", firstSeenAt: 3, lastSeenAt: 4 });
    expect(await users.find("yan")).toBeUndefined();
  });
});

const BY = { machine: "box", user: "ops" };

describe("API keys", () => {
  const keys = createApiKeys(store);

  it("are found by their hash alone, two of a name beside each other, until they are revoked", async () => {
    const old = await keys.create({ hash: "h1", name: "backend", scopes: ["tokens", "publish"] }, BY);
    const next = await keys.create({ hash: "h2", name: "backend", scopes: ["tokens"] }, BY);
    expect(await keys.find("h1")).toEqual({ id: old, name: "backend", scopes: ["tokens", "publish"] });
    expect(await keys.find("backend")).toBeUndefined();
    expect(await keys.revoke(old, BY)).toEqual({ name: "backend", wasValid: true });
    expect(await keys.revoke(old, BY)).toEqual({ name: "backend", wasValid: false });
    expect(await keys.find("h1")).toBeUndefined();
    expect(await keys.find("h2")).toMatchObject({ id: next });
    expect(await keys.revoke(999_999, BY)).toBeUndefined();
  });

  it("are made once by a hash", async () => {
    await keys.create({ hash: "once", name: "first", scopes: [] }, BY);
    await expect(keys.create({ hash: "once", name: "second", scopes: [] }, BY)).rejects.toThrow("duplicate key");
    expect(await keys.find("once")).toMatchObject({ name: "first" });
  });

  it("are listed with what became of them, the newest first", async () => {
    const id = await keys.create({ hash: "h3", name: "listed", scopes: ["admin"] }, BY);
    const [first, second] = await keys.list(2);
    const times = { createdAt: expect.any(Number), lastUsedAt: null, revokedAt: null };
    expect(first).toEqual({ id, name: "listed", scopes: ["admin"], ...times });
    expect(second).toMatchObject({ name: "first" });
  });

  it("keep when they were last used, whoever tells it later", async () => {
    const [a, b] = [
      await keys.create({ hash: "used-a", name: "a", scopes: [] }, BY),
      await keys.create({ hash: "used-b", name: "b", scopes: [] }, BY),
    ];
    await keys.used([{ id: b, at: 7_000 }]);
    await keys.used([
      { id: a, at: 5_000 },
      { id: b, at: 6_000 },
    ]);
    const found = (await keys.list(2)).map(({ id, lastUsedAt }) => [id, lastUsedAt]);
    expect(found).toEqual([
      [b, 7_000],
      [a, 5_000],
    ]);
  });

  it("leave word of their making and end for the audit, each once, and never of their hash", async () => {
    const id = await keys.create({ hash: "secret-hash", name: "noted", scopes: ["tokens", "publish"] }, BY);
    await keys.revoke(id, BY);
    await keys.revoke(id, BY);
    const rows = await sql<{ partition: number; control: string; audit: string }[]>`
      select partition, control::text as control, audit::text as audit from announcements
      where audit->>'subject' = 'key:noted' order by id`;
    const record = { actor: "node:box", subject: "key:noted", channel: null, node: "box", address: null, reason: null };
    const data = { key: id, scopes: "tokens publish", as: "ops" };
    expect(rows.map(({ audit }): unknown => JSON.parse(audit))).toEqual([
      { kind: "key_create", ...record, data },
      { kind: "key_revoke", ...record, data },
    ]);
    for (const { partition, control } of rows) {
      expect(partition).toBe(0);
      expect(parseControl(control)).toEqual({ kind: "user", user: "key:noted", frame: null, close: null });
    }
    expect(JSON.stringify(rows)).not.toContain("secret-hash");
  });
});

describe("refresh tokens", () => {
  const tokens = createRefreshTokens(store);
  const owner = { user: "ada", name: "Ada", claims: { team: "x", level: 3 } };
  const inAnHour = (): number => Date.now() + 3_600_000;
  const later = async (family: string): Promise<void> => {
    await sql`update refresh_tokens set replaced_at = replaced_at - 11000 where family = ${family} and replaced_at is not null`;
  };

  it("are exchanged for a successor that carries the same owner", async () => {
    const first = await tokens.issue(owner, inAnHour());
    const second = await tokens.rotate(first.token, inAnHour());
    expect(second).toMatchObject({ outcome: "rotated", family: first.family, ...owner });
    const third = await tokens.rotate("token" in second ? second.token : "", inAnHour());
    expect(third).toMatchObject({ outcome: "rotated", family: first.family });
  });

  it("give the same successor to all who show one at the same time", async () => {
    const { token } = await tokens.issue(owner, inAnHour());
    const answers = await Promise.all(Array.from({ length: 6 }, () => tokens.rotate(token, inAnHour())));
    expect(answers.map(({ outcome }) => outcome).toSorted()).toEqual([...Array(5).fill("repeated"), "rotated"]);
    expect(new Set(answers.map((answer) => ("token" in answer ? answer.token : undefined))).size).toBe(1);
  });

  it("shown again after ten seconds give their whole family away", async () => {
    const first = await tokens.issue(owner, inAnHour());
    const second = await tokens.rotate(first.token, inAnHour());
    await later(first.family);
    expect(await tokens.rotate(first.token, inAnHour())).toEqual({
      outcome: "reused",
      user: "ada",
      family: first.family,
    });
    expect(await tokens.rotate("token" in second ? second.token : "", inAnHour())).toEqual({ outcome: "unknown" });
    expect(await tokens.rotate(first.token, inAnHour())).toEqual({ outcome: "unknown" });
  });

  it("tell whose they are, used up or not, until they are revoked", async () => {
    const first = await tokens.issue(owner, inAnHour());
    const second = await tokens.rotate(first.token, inAnHour());
    const successor = "token" in second ? second.token : "";
    expect([await tokens.owner(first.token), await tokens.owner(successor)]).toEqual(["ada", "ada"]);
    await tokens.revokeFamily(successor);
    expect([await tokens.owner(first.token), await tokens.owner(successor)]).toEqual([undefined, undefined]);
  });

  it("that are absent or have ended are unknown", async () => {
    const { token } = await tokens.issue(owner, Date.now() - 1);
    expect([await tokens.owner(token), await tokens.owner("rt_never")]).toEqual([undefined, undefined]);
    expect(await tokens.rotate(token, inAnHour())).toEqual({ outcome: "unknown" });
    expect(await tokens.rotate("rt_never", inAnHour())).toEqual({ outcome: "unknown" });
  });

  it("are revoked as a family by any of its tokens, and as everything of a user", async () => {
    const first = await tokens.issue({ ...owner, user: "bob" }, inAnHour());
    const second = await tokens.rotate(first.token, inAnHour());
    expect(await tokens.revokeFamily(first.token)).toBe(true);
    expect(await tokens.revokeFamily(first.token)).toBe(false);
    expect(await tokens.rotate("token" in second ? second.token : "", inAnHour())).toEqual({ outcome: "unknown" });
    const others = [
      await tokens.issue({ ...owner, user: "bob" }, inAnHour()),
      await tokens.issue({ ...owner, user: "bob" }, inAnHour()),
    ];
    expect(await tokens.revokeUser("bob")).toBe(2);
    for (const { token } of others) expect(await tokens.rotate(token, inAnHour())).toEqual({ outcome: "unknown" });
  });

  it("leave no good successor behind when they are revoked in the middle of a rotation", async () => {
    for (let n = 0; n < 20; n += 1) {
      const { token } = await tokens.issue({ ...owner, user: `racer-${n}` }, inAnHour());
      const [rotation] = await Promise.all([tokens.rotate(token, inAnHour()), tokens.revokeFamily(token)]);
      const successor = "token" in rotation ? rotation.token : "rt_none";
      expect(await tokens.rotate(successor, inAnHour())).toEqual({ outcome: "unknown" });
    }
  });

  it("stand in the table neither as themselves nor as anything that reads without them", async () => {
    const { token } = await tokens.issue({ ...owner, user: "secretive" }, inAnHour());
    const rotation = await tokens.rotate(token, inAnHour());
    const rows =
      await sql`select t::text as text, successor_sealed as sealed from refresh_tokens t where user_id = 'secretive'`;
    const kept = rows
      .map(({ text, sealed }) => `${String(text)} ${Buffer.from(sealed ?? randomBytes(1)).toString("latin1")}`)
      .join(" ");
    expect(kept).not.toContain(token.slice(3));
    expect(kept).not.toContain("token" in rotation ? rotation.token.slice(3) : "-");
  });
});

describe("a Postgres that answers and refuses to write", () => {
  const told = (asked: Promise<unknown>): Promise<unknown> =>
    asked.then(
      () => "done",
      (error: unknown) =>
        error instanceof Error && "code" in error ? `${String(error.code)}: ${error.message}` : error,
    );

  it("is told for what it is, by what was asked for, and keeps nobody from what is there", async () => {
    await createChannels(store).ensurePublic(["standing"], "ada");
    await createApiKeys(store).create({ hash: "standing", name: "backend", scopes: [] }, BY);
    const database = new URL(url).pathname.slice(1);
    await sql.unsafe(`alter database ${database} set default_transaction_read_only to on`);
    const readOnly = connectStore({ url, max: 1, application: "test", statementTimeoutMs: 5_000 });
    try {
      const channels = createChannels(readOnly);
      const keys = createApiKeys(readOnly);
      const owner = { user: "ada", name: "Ada", claims: {} };
      expect(await told(createRefreshTokens(readOnly).issue(owner, Date.now()))).toBe(
        "unavailable: refresh tokens cannot be changed at present",
      );
      expect(await told(keys.create({ hash: "h9", name: "x", scopes: [] }, BY))).toBe(
        "unavailable: API keys cannot be changed at present",
      );
      expect(await told(channels.ensurePublic(["new"], "ada"))).toBe(
        "unavailable: channels cannot be changed at present",
      );
      expect(await keys.find("standing")).toMatchObject({ name: "backend" });
      expect(await channels.ensurePublic(["standing"], "bob")).toEqual(new Map([["standing", UNSET]]));
    } finally {
      await readOnly.close();
      await sql.unsafe(`alter database ${database} reset default_transaction_read_only`);
    }
  });

  it("is out of reach when it does not answer at all, whatever was asked for", async () => {
    const away = connectStore({
      url: "postgres://nobody@127.0.0.1:1/none",
      max: 1,
      application: "test",
      statementTimeoutMs: 5_000,
    });
    expect(await told(createApiKeys(away).find("h1"))).toBe("unavailable: API keys cannot be reached");
    expect(await told(createRefreshTokens(away).rotate("rt_x", 0))).toBe(
      "unavailable: refresh tokens cannot be reached",
    );
    expect(await told(createChannels(away).find("lobby"))).toBe("unavailable: channels cannot be reached");
    await away.close();
  });
});
