// Contract of what is removed from Postgres: the oldest of a channel and all of a deleted one, bit by bit, behind nobody's lock.
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { batchOf, changeRow, entriesOf, EPOCH, messageId, messageRow, rowsOf } from "./batch.fixture.ts";
import { createChannelActs } from "./channel-acts.ts";
import { createChannels } from "./channels.ts";
import { connectStore } from "./connect.ts";
import { createMessages } from "./messages.ts";
import type { MessageRow } from "./message-row.ts";
import { createRetention } from "./retention.ts";
import { act, peopled } from "./rights.fixture.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());

const retention = createRetention(store);
const messages = createMessages(store);
const ORIGIN = { epoch: 0, seq: 0 };

beforeEach(async () => {
  await sql`truncate messages, mentions, reactions, read_positions, outbox_positions, dead_letters, quarantine`;
});

const save = (rows: readonly MessageRow[]) => saveBatch(store, batchOf(entriesOf(1, rows)));
const seqsOf = async (channel: string): Promise<number[]> =>
  (await messages.after(channel, ORIGIN, 5_000)).map(({ position }) => position.seq);
const countOf = async (table: string, channel: string): Promise<number> => {
  const [row] = await sql`select count(*)::integer as count from ${sql(table)} where channel = ${channel}`;
  return Number(row?.["count"]);
};

describe("messages that are too old", () => {
  it("go a thousand at a time, from the beginning on up to the first that stays", async () => {
    await save(rowsOf("long", 2_500));
    const before = EPOCH + 2_201;
    const steps: number[] = [];
    for (let n = 0; n < 4; n += 1) steps.push(await retention.expire("long", before));
    expect(steps).toEqual([1_000, 1_000, 200, 0]);
    expect((await seqsOf("long"))[0]).toBe(2_201);
    expect(await seqsOf("long")).toHaveLength(300);
  });

  it("stay behind one that is younger, so that there is no hole between rows that stay", async () => {
    const times = [1, 2, 900, 3, 4];
    await save(times.map((at, n) => messageRow("back", n + 1, { at: EPOCH + at })));
    expect(await retention.expire("back", EPOCH + 500)).toBe(2);
    expect(await seqsOf("back")).toEqual([3, 4, 5]);
  });

  it("take with them what hangs on them, however much that is", async () => {
    const id = messageId("hung");
    await save([
      messageRow("hung", 1, { id, mentions: ["bob"] }),
      changeRow("edited", "hung", 2, id, { body: "edited" }),
      ...Array.from({ length: 1_500 }, (_, n) =>
        changeRow("reaction", "hung", 3 + n, id, { author: `u-${n}`, emoji: "👍", standing: true }),
      ),
      messageRow("hung", 1_503, { at: EPOCH + 1_000_000, mentions: ["bob"] }),
    ]);
    await sql`insert into dead_letters (partition, entry_epoch, entry_number, channel, epoch, seq, frame, reason, at)
      values (1, 1, 1, 'hung', 1, 1, 'x', 'y', 5)`;
    await sql`insert into quarantine (partition, entry_epoch, entry_number, channel, epoch, seq, message_id, message, at)
      values (1, 1, 1, 'hung', 1, 1, 'x', '{}', 5)`;
    expect(await countOf("reactions", "hung")).toBe(1_500);
    while ((await retention.expire("hung", EPOCH + 500_000)) > 0);
    expect(await seqsOf("hung")).toEqual([1_503]);
    const left = ["reactions", "mentions", "dead_letters", "quarantine"];
    expect(await Promise.all(left.map((table) => countOf(table, "hung")))).toEqual([0, 1, 0, 0]);
  });

  it("of a channel in which nothing is young leave its last position, without a word of what stood there", async () => {
    await save(rowsOf("quiet", 3, { mentions: ["bob"], meta: '{"a":1}' }));
    await save([changeRow("edited", "talk", 1, "x", { body: "said" })]);
    for (const channel of ["quiet", "talk"]) while ((await retention.expire(channel, EPOCH * 2)) > 0);
    expect(await messages.last("quiet")).toEqual({ epoch: EPOCH, seq: 3 });
    const [row] =
      await sql`select body, meta, mentions, deleted_at is not null as deleted from messages where channel = 'quiet'`;
    expect(row).toEqual({ body: null, meta: null, mentions: null, deleted: true });
    const [{ frame } = { frame: "" }] = await messages.after("talk", ORIGIN, 10);
    expect(frame).not.toContain("said");
    expect(await countOf("mentions", "quiet")).toBe(0);
  });

  it("wait for nobody who writes: what is locked goes another time", async () => {
    const { rows } = { rows: rowsOf("busy", 5) };
    await save(rows);
    await sql.begin(async (writer) => {
      await writer`update messages set body = body where channel = 'busy' and seq = 2`;
      expect(await retention.expire("busy", EPOCH * 2)).toBe(0);
    });
    expect(await seqsOf("busy")).toEqual([1, 2, 3, 4, 5]);
    expect(await retention.expire("busy", EPOCH * 2)).toBe(5);
  });
});

describe("channels of which something may have to go", () => {
  it("are those that keep messages for some days and those that were deleted, by id, in pages", async () => {
    const acts = createChannelActs(store);
    await createChannels(store).ensurePublic(["ever"], "ada");
    for (const channel of ["b-days", "a-gone", "c-days"]) await peopled(acts, channel, "public");
    for (const channel of ["b-days", "c-days"]) await acts.change({ ...act(channel), given: { retentionDays: 7 } });
    await acts.delete(act("a-gone"));
    const ids = async (after: string, limit: number): Promise<string[]> =>
      (await retention.due(after, limit)).map(({ id }) => id);
    expect(await ids("", 2)).toEqual(["a-gone", "b-days"]);
    expect(await ids("b-days", 2)).toEqual(["c-days"]);
    const [gone, days] = await retention.due("", 2);
    expect([gone?.deletedAt, days?.retentionDays]).toEqual([expect.any(Number), 7]);
    await retention.purged("a-gone");
    await retention.purged("b-days");
    expect(await ids("", 10)).toEqual(["b-days", "c-days"]);
  });

  it("go whole when they were deleted, but for the id, and never otherwise", async () => {
    const acts = createChannelActs(store);
    await peopled(acts, "whole");
    await acts.ban({ ...act("whole"), user: "x", ban: { untilMs: null, reason: null } });
    await acts.mute({ ...act("whole"), user: "mia", mute: { untilMs: null, reason: null } });
    await save(rowsOf("whole", 1_200, { mentions: ["bob"] }));
    await sql`insert into read_positions (channel, user_id, epoch, seq) values ('whole', 'mia', 1, 1)`;
    expect(await retention.purge("whole")).toBe(0);
    await acts.delete(act("whole"));
    while ((await retention.purge("whole")) > 0);
    const tables = ["messages", "mentions", "reactions", "read_positions", "members", "bans", "mutes"];
    expect(await Promise.all(tables.map((table) => countOf(table, "whole")))).toEqual(tables.map(() => 0));
    const wanted = { kind: "public", owner: "eve", given: {} } as const;
    expect(await acts.create({ ...act("whole"), wanted })).toMatchObject({ code: "conflict" });
  });
});
