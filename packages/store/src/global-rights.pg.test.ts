// Contract of bans everywhere, revoked tokens, and the announcements that wait for somebody to make them.
import { parseControl } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { connectStore } from "./connect.ts";
import { createAnnouncements, createGlobalRights } from "./global-rights.ts";
import { createRefreshTokens } from "./refresh-tokens.ts";
import { BACKEND, by } from "./rights.fixture.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 8, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());

const rights = createGlobalRights(store);
const announcements = createAnnouncements(store);
const FOR_GOOD = { untilMs: null, reason: null };
const inAnHour = (): number => Date.now() + 3_600_000;

beforeEach(async () => {
  await sql`truncate user_bans, revocations, announcements`;
  await sql`update global_rights set version = 0`;
});

describe("bans everywhere and revocations", () => {
  it("have one line of versions, in which they are committed, however many come at once", async () => {
    const revocation = { jti: null, user: null, issuedBeforeMs: 5, expiresMs: inAnHour() };
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        n % 4 === 0
          ? rights.revoke(BACKEND, revocation)
          : rights.ban(BACKEND, `u-${n % 8}`, n % 3 === 0 ? null : FOR_GOOD),
      ),
    );
    const changes = outcomes.flatMap((outcome) => (outcome.kind === "done" ? [outcome.change] : []));
    expect(changes.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(changes.map((_, n) => n + 1));
    for (const change of changes) expect(parseControl(JSON.stringify(change))).toEqual(change);
    expect((await rights.since(0)).version).toBe(changes.length);
  });

  it("are told with who, until when and why, and a lifted ban as lifted", async () => {
    const untilMs = inAnHour();
    const banned = await rights.ban(BACKEND, "ada", { untilMs, reason: "spam" });
    const lifted = await rights.ban(BACKEND, "ada", null);
    expect(await rights.ban(BACKEND, "ada", null)).toEqual({ kind: "unchanged" });
    expect(banned).toMatchObject({
      change: { version: 1, ban: { user: "ada", untilMs, reason: "spam", lifted: false } },
    });
    expect(lifted).toMatchObject({ change: { version: 2, ban: { user: "ada", lifted: true }, revocation: null } });
    const audits = [banned, lifted].flatMap((outcome) => (outcome.kind === "done" ? [JSON.parse(outcome.audit)] : []));
    expect(audits).toMatchObject([
      {
        kind: "ban_everywhere",
        actor: "key:backend",
        subject: "ada",
        channel: null,
        reason: "spam",
        data: { untilMs },
      },
      { kind: "unban_everywhere", actor: "key:backend", subject: "ada", reason: null, data: null },
    ]);
  });

  it("are read from the beginning as what is in force, and after a version with what was lifted since", async () => {
    await rights.ban(BACKEND, "lifted", FOR_GOOD);
    await rights.ban(BACKEND, "ended", { untilMs: 5, reason: null });
    await rights.ban(BACKEND, "stands", FOR_GOOD);
    const revocation = { jti: "j-1", user: null, issuedBeforeMs: null, expiresMs: inAnHour() };
    await rights.revoke(BACKEND, revocation);
    await rights.ban(BACKEND, "lifted", null);
    const stands = { user: "stands", untilMs: null, reason: null, lifted: false };
    expect(await rights.since(0)).toEqual({ version: 5, bans: [stands], revocations: [revocation] });
    expect(await rights.since(3)).toEqual({
      version: 5,
      bans: [{ user: "lifted", untilMs: null, reason: null, lifted: true }],
      revocations: [revocation],
    });
    expect(await rights.since(5)).toEqual({ version: 5, bans: [], revocations: [] });
  });

  it("forget a revocation that no token can need any more when the next is written", async () => {
    await rights.revoke(BACKEND, { jti: "past", user: null, issuedBeforeMs: null, expiresMs: Date.now() - 1 });
    expect((await rights.since(0)).revocations).toEqual([]);
    await rights.revoke(by("ada"), { jti: "next", user: null, issuedBeforeMs: null, expiresMs: inAnHour() });
    expect(await sql`select jti from revocations`).toEqual([{ jti: "next" }]);
    const kinds = await sql`select audit ->> 'kind' as kind from announcements order by id`;
    expect(kinds).toEqual([{ kind: "revoke" }, { kind: "logout" }]);
  });

  it("by user end the user's refresh tokens, and of everybody all that were issued by then", async () => {
    const tokens = createRefreshTokens(store);
    const issue = (user: string) => tokens.issue({ user, name: user, claims: {} }, inAnHour());
    const outcomeOf = async ({ token }: { token: string }) => (await tokens.rotate(token, inAnHour())).outcome;
    const [ada, bob] = [await issue("ada"), await issue("bob")];
    await rights.revoke(BACKEND, { jti: "one", user: "bob", issuedBeforeMs: null, expiresMs: inAnHour() });
    await rights.revoke(BACKEND, { jti: null, user: "ada", issuedBeforeMs: Date.now() + 1, expiresMs: inAnHour() });
    expect(await outcomeOf(ada)).toBe("unknown");
    expect(await outcomeOf(bob)).toBe("rotated");
    const old = await issue("old");
    await sql`update refresh_tokens set created_at = created_at - 5000 where user_id = 'old'`;
    const cy = await issue("cy");
    await rights.revoke(BACKEND, { jti: null, user: null, issuedBeforeMs: Date.now() - 2500, expiresMs: inAnHour() });
    expect(await outcomeOf(old)).toBe("unknown");
    expect(await outcomeOf(cy)).toBe("rotated");
  });
});

describe("announcements", () => {
  const overdueUsers = async (limit: number): Promise<(string | undefined)[]> =>
    (await announcements.overdue(limit)).map(({ control }) =>
      control.kind === "global" ? control.ban?.user : undefined,
    );

  it("are overdue after a second, the oldest first, until they were made", async () => {
    const made = [await rights.ban(BACKEND, "a", FOR_GOOD), await rights.ban(BACKEND, "b", FOR_GOOD)];
    expect(await announcements.overdue(10)).toEqual([]);
    await sql`update announcements set due_at = due_at - 1000`;
    expect(await overdueUsers(1)).toEqual(["a"]);
    // The first is taken for a second.
    expect(await overdueUsers(10)).toEqual(["b"]);
    await sql`update announcements set due_at = due_at - 1000`;
    const [first] = made;
    if (first?.kind !== "done") throw new Error("not done");
    await announcements.done([first.announcement]);
    await announcements.done([first.announcement]);
    const [waiting, ...others] = await announcements.overdue(10);
    expect(others).toEqual([]);
    expect(waiting).toMatchObject({ partition: 0, control: { ban: { user: "b" } } });
    expect(JSON.parse(waiting?.audit ?? "")).toMatchObject({ kind: "ban_everywhere" });
    await announcements.done([]);
  });

  it("are given to one of those who ask at the same moment", async () => {
    for (let n = 0; n < 30; n += 1) await rights.ban(BACKEND, `u-${n}`, FOR_GOOD);
    await sql`update announcements set due_at = due_at - 1000`;
    const given = await Promise.all(Array.from({ length: 6 }, () => overdueUsers(10)));
    expect(given.flat()).toHaveLength(30);
    expect(new Set(given.flat()).size).toBe(30);
  });

  it("of a kind that this version does not know are left to whoever wrote them", async () => {
    await sql`insert into announcements (partition, control, audit, due_at) values (1, '{"kind": "later"}', '{}', 0)`;
    expect(await announcements.overdue(10)).toEqual([]);
    expect(await sql`select from announcements`).toHaveLength(1);
  });
});
