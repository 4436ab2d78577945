// Contract of channels, API keys and refresh tokens.
import { randomBytes } from "node:crypto";
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { createApiKeys } from "./api-keys.ts";
import { createChannels } from "./channels.ts";
import { connectStore } from "./connect.ts";
import { createRefreshTokens } from "./refresh-tokens.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 8, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());

describe("channels", () => {
  const channels = createChannels(store);

  it("are made once with their first user as owner, however many make them at once", async () => {
    const owners = ["ada", "bob", "cy", "dan", "eve", "flo"];
    const rows = await Promise.all(
      owners.map((owner) => channels.createIfAbsent({ id: "lobby", kind: "public", owner })),
    );
    expect(new Set(rows.map(({ owner }) => owner)).size).toBe(1);
    const [first] = rows;
    expect(await channels.find("lobby")).toEqual(first);
    expect(first).toMatchObject({ kind: "public", name: null, slowModeSec: 0, retentionDays: null });
    expect(await sql`select user_id, role from members where channel = 'lobby'`).toEqual([
      { user_id: first?.owner, role: "owner" },
    ]);
  });

  it("are made many at once, each once, by whoever came first, also when two make the same in another order", async () => {
    const ids = Array.from({ length: 50 }, (_, n) => `many-${n}`);
    await channels.createIfAbsent({ id: "many-7", kind: "public", owner: "first" });
    await Promise.all([
      channels.ensurePublic(ids, "ada"),
      channels.ensurePublic(ids.toReversed(), "bob"),
      channels.ensurePublic([...ids, ...ids], "cy"),
    ]);
    expect(await channels.existing([...ids, "nowhere"])).toEqual(new Set(ids));
    expect((await channels.find("many-7"))?.owner).toBe("first");
    const members = await sql`select c.owner, m.user_id, m.role from channels c join members m on m.channel = c.id
      where c.id like 'many-%'`;
    expect(members).toHaveLength(ids.length);
    expect(members.every(({ owner, user_id: user, role }) => owner === user && role === "owner")).toBe(true);
  });

  it("that nobody made are not found", async () => {
    expect(await channels.find("nowhere")).toBeUndefined();
  });

  it("are listed by id, in pages, all or only those of a member", async () => {
    for (const id of ["x:b", "x:a", "X:c"]) await channels.createIfAbsent({ id, kind: "public", owner: "lister" });
    const ids = async (page: { after?: string; limit: number; member?: string }): Promise<string[]> =>
      (await channels.list(page)).map(({ id }) => id);
    expect(await ids({ limit: 10, member: "lister" })).toEqual(["X:c", "x:a", "x:b"]);
    expect(await ids({ limit: 2, after: "X:c", member: "lister" })).toEqual(["x:a", "x:b"]);
    expect(await ids({ limit: 10 })).toContain("lobby");
    expect(await ids({ limit: 10, member: "nobody" })).toEqual([]);
  });
});

describe("API keys", () => {
  it("are found by their hash alone and kept once", async () => {
    const keys = createApiKeys(store);
    await keys.insert({ hash: "h1", name: "backend", scopes: ["tokens", "publish"] });
    await keys.insert({ hash: "h1", name: "another", scopes: [] });
    expect(await keys.find("h1")).toEqual({ id: expect.any(Number), name: "backend", scopes: ["tokens", "publish"] });
    expect(await keys.find("backend")).toBeUndefined();
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

  it("that are absent or have ended are unknown", async () => {
    const { token } = await tokens.issue(owner, Date.now() - 1);
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
    await createChannels(store).createIfAbsent({ id: "standing", kind: "public", owner: "ada" });
    await createApiKeys(store).insert({ hash: "standing", name: "backend", scopes: [] });
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
      expect(await told(keys.insert({ hash: "h2", name: "x", scopes: [] }))).toBe(
        "unavailable: API keys cannot be changed at present",
      );
      expect(await told(channels.createIfAbsent({ id: "new", kind: "public", owner: "ada" }))).toBe(
        "unavailable: channels cannot be changed at present",
      );
      expect(await keys.find("standing")).toMatchObject({ name: "backend" });
      expect(await channels.createIfAbsent({ id: "standing", kind: "public", owner: "bob" })).toMatchObject({
        owner: "ada",
      });
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
