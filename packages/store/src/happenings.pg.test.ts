// Contract of what Postgres tells of one message and one user.
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchOf, changeRow, entriesOf, EPOCH, messageId, messageRow } from "./batch.fixture.ts";
import { createChannels } from "./channels.ts";
import { connectStore } from "./connect.ts";
import { createHappenings } from "./happenings.ts";
import { saveBatch } from "./save-batch.ts";
import { loadStatement } from "./statement.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const happenings = createHappenings(store);
const id = messageId("traced");
const deleted = messageId("deleted");

beforeAll(async () => {
  const channels = createChannels(store);
  await channels.ensurePublic(["lobby", "other"], "ada");
  const rows = [
    messageRow("lobby", 1, { id }),
    messageRow("lobby", 2, { id: deleted }),
    changeRow("deleted", "lobby", 3, deleted, { at: EPOCH + 7 }),
    messageRow("other", 1),
  ];
  await saveBatch(store, batchOf(entriesOf(1, rows)));
});

describe("a message", () => {
  it("is found by its id, in its channel and without it, and in no other", async () => {
    const found = { channel: "lobby", epoch: EPOCH, seq: 1, author: "ada", at: EPOCH + 1, deletedAt: null };
    expect(await happenings.message(id, "lobby")).toEqual(found);
    expect(await happenings.message(id, undefined)).toEqual(found);
    expect(await happenings.message(id, "other")).toBeUndefined();
    expect(await happenings.message(messageId("absent"), undefined)).toBeUndefined();
    expect(await happenings.message(deleted, undefined)).toMatchObject({ seq: 2, deletedAt: EPOCH + 7 });
  });

  it("is looked for by an index in each channel, and in no table as a whole", async () => {
    await sql`insert into channels (id, kind, owner) select 'many-' || n, 'public', 'ada' from generate_series(1, 3000) n`;
    await sql`insert into messages (channel, epoch, seq, kind, id, author, body, at)
      select 'many-' || c, 1, s, 'message', 'm' || c || '-' || s, 'ada', 'text', 1
      from generate_series(1, 3000) c, generate_series(1, 10) s`;
    await sql`analyze channels, messages`;
    const text = `explain (format text) ${loadStatement("explain-message")}`;
    const plan = await sql.unsafe(text, [id, null]);
    const lines = plan.map((line) => String(line["QUERY PLAN"])).filter((line) => line.includes("messages_"));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !/Index (?:Only )?Scan using messages_\d_channel_id_key/.test(line))).toEqual([]);
  });
});

describe("a user's standing", () => {
  it("is told with since when, and with bans also of one who never had a role", async () => {
    const none = { role: null, since: null, banAt: null, banUntil: null, outAt: null, outUntil: null, outLifted: null };
    expect(await happenings.standing("lobby", "bob")).toEqual({ kind: "public", ...none });
    expect(await happenings.standing("lobby", "ada")).toMatchObject({ role: "owner", since: expect.any(Number) });
    await sql`insert into bans (channel, user_id, given_by, at, until_ms) values ('lobby', 'bob', 'ada', 5, 9)`;
    await sql`insert into user_bans (user_id, given_by, at, lifted_at, version) values ('bob', 'key:x', 6, 8, 1)`;
    const banned = { banAt: 5, banUntil: 9, outAt: 6, outUntil: null, outLifted: 8 };
    expect(await happenings.standing("lobby", "bob")).toEqual({ kind: "public", ...none, ...banned });
    expect(await happenings.standing("never", "bob")).toBeUndefined();
  });
});

describe("what was noted of a user", () => {
  async function note(at: number, kind: string, actor: string, subject: string | null, channel: string | null) {
    const noted = `${kind}-${at}`;
    await sql`insert into audit_log (partition, n, id, at, kind, actor, subject, channel, data, key_id, mac)
      values (1, ${at}, ${noted}, ${at}, ${kind}, ${actor}, ${subject}, ${channel}, '{"session":"s1"}', 'k', '\\x00')`;
    return noted;
  }

  it("is told in order up to a moment, with what came and went right after it, and of no other channel or user", async () => {
    const told = [
      await note(10, "connect", "eve", null, null),
      await note(11, "join", "eve", null, "lobby"),
      await note(12, "role", "eve", "eve", "lobby"),
      await note(13, "ban_everywhere", "key:x", "eve", null),
    ];
    await note(14, "join", "eve", null, "other");
    await note(15, "ban", "ada", "eve", "other");
    await note(16, "join", "dan", null, "lobby");
    await note(17, "ban", "eve", "dan", "lobby");
    await note(21, "ban", "ada", "eve", "lobby");
    told.push(await note(22, "disconnect", "eve", null, null), await note(23, "join", "eve", null, "lobby"));
    const found = await happenings.records("eve", "lobby", 20);
    expect(found.map((each) => each.id)).toEqual(told);
    expect(found[0]).toEqual({
      ...{ id: "connect-10", at: 10, kind: "connect", actor: "eve", subject: null, channel: null },
      ...{ node: null, reason: null, data: { session: "s1" } },
    });
  });
});
