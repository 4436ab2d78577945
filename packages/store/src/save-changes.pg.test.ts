// Contract of edits, deletions, reactions and mentions in Postgres: what a message shows follows from what was said of it,
// however often and in whatever order that comes, and nothing is left of the text of a deleted one.
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import type { BatchEntry } from "./batch.ts";
import { batchOf, changeRow, entriesOf, entryOf, EPOCH, messageId, messageRow, removedRow } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import type { MessageRow } from "./message-row.ts";
import { createMessages } from "./messages.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const messages = createMessages(store);
const START = { epoch: 0, seq: 0 };

const at = (number: number) => ({ epoch: EPOCH, number });
const frames = async (channel: string): Promise<unknown[]> =>
  (await messages.after(channel, START, 1_000)).map(({ frame }): unknown => JSON.parse(frame));
const shown = async (channel: string, id: string) => {
  const [row] = await sql`select body, edited_at::float8 as edited, deleted_at::float8 as deleted
    from messages where channel = ${channel} and id = ${id}`;
  return row;
};
const reactionsOf = async (channel: string) =>
  sql`select user_id as user, emoji, standing, seq::integer from reactions where channel = ${channel} order by 1, 2`;
const mentionsIn = async (channel: string) =>
  (await sql`select user_id, seq::integer from mentions where channel = ${channel} order by 2, 1`).map((row) =>
    [row["user_id"], row["seq"]].map(String).join(" "),
  );

/** Names of the tables that hold this text in any column. */
async function tablesWith(text: string): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`;
  const found: string[] = [];
  for (const { name } of tables) {
    // Bytes are shown in hex: a frame in dead_letters is looked for as that too.
    const hex = Buffer.from(text, "utf8").toString("hex");
    const [row] = await sql.unsafe(
      `select 1 from ${name} t where position('${text}' in t::text) > 0 or position('${hex}' in t::text) > 0 limit 1`,
    );
    if (row !== undefined) found.push(name);
  }
  return found;
}

/** The deletion of a message with what it took out of the outbox. */
function deletionOf(partition: number, number: number, row: MessageRow, removed: readonly MessageRow[]): BatchEntry {
  return { ...entryOf(partition, at(number), row), removed: removed.map((gone) => removedRow(gone, row.at)) };
}

describe("an edit", () => {
  it("changes the text of its message and stands at its own position", async () => {
    const first = messageRow("e1", 1, { meta: '{"k":1}', mentions: ["bob"] });
    const edit = changeRow("edited", "e1", 2, first.id, { body: "better" });
    expect(await saveBatch(store, batchOf(entriesOf(1, [first, edit])))).toMatchObject({
      ...{ kind: "saved", inserted: 2, quarantined: 0, deadLetters: [], unstored: [] },
      reached: new Map([[1, at(2)]]),
    });
    expect(await shown("e1", first.id)).toEqual({ body: "better", edited: edit.at, deleted: null });
    expect(await frames("e1")).toMatchObject([
      { type: "message", seq: 1, body: "better", meta: { k: 1 }, mentions: ["bob"] },
      { type: "edited", seq: 2, id: first.id, user: "ada", body: "better", at: edit.at },
    ]);
  });

  it("that comes late changes nothing that a later one has changed, and the message may come last of all", async () => {
    const first = messageRow("e2", 1);
    const edits = [2, 3, 4].map((seq) => changeRow("edited", "e2", seq, first.id, { body: `edit ${seq}` }));
    const [early, middle, last] = entriesOf(2, [first, ...edits]).slice(1);
    const [message] = entriesOf(2, [first]);
    for (const entry of [last, early, message, middle, early]) {
      if (entry === undefined) throw new Error("no entry");
      expect(await saveBatch(store, batchOf([entry]))).toMatchObject({ kind: "saved", quarantined: 0 });
    }
    expect(await shown("e2", first.id)).toMatchObject({ body: "edit 4", edited: EPOCH + 4 });
  });

  it("of a message that Postgres would not take leaves the placeholder without a text", async () => {
    const refused = messageRow("e3", 1, { body: "a\u0000b" });
    await saveBatch(store, batchOf(entriesOf(3, [refused, changeRow("edited", "e3", 2, refused.id, { body: "now" })])));
    expect(await shown("e3", refused.id)).toMatchObject({ body: null });
  });

  it("that Postgres refuses becomes a dead letter with a deleted message at its position, and readers go on", async () => {
    const first = messageRow("e4", 1);
    const bad = changeRow("edited", "e4", 2, first.id, { body: "a\u0000b" });
    const outcome = await saveBatch(store, batchOf(entriesOf(4, [first, bad, messageRow("e4", 3)])));
    expect(outcome).toMatchObject({ deadLetters: [{ position: { epoch: EPOCH, seq: 2 } }], unstored: [4] });
    expect(await shown("e4", first.id)).toMatchObject({ body: "message 1", edited: null });
    expect(await frames("e4")).toMatchObject([{ seq: 1 }, { seq: 2, type: "message", deleted: true }, { seq: 3 }]);
    // Once it is mended, it counts by its position, whatever came meanwhile.
    await saveBatch(store, batchOf(entriesOf(4, [changeRow("edited", "e4", 4, first.id, { body: "newer" })], 4)));
    await sql`delete from dead_letters where channel = 'e4'`;
    await sql`delete from messages where channel = 'e4' and seq = 2`;
    await saveBatch(store, batchOf([entryOf(4, at(2), { ...bad, body: "older" })]));
    expect(await shown("e4", first.id)).toMatchObject({ body: "newer", edited: EPOCH + 4 });
  });

  it("names nobody: a user keeps the name of its newest message", async () => {
    const first = messageRow("e5", 1, { author: "names", name: "The Name" });
    const edit = changeRow("edited", "e5", 2, first.id, { body: "x", author: "names", at: EPOCH + 120_000 });
    await saveBatch(store, batchOf(entriesOf(5, [first, edit])));
    expect(await sql`select name from users where id = 'names'`).toEqual([{ name: "The Name" }]);
  });
});

describe("a deletion", () => {
  const marker = "marker-7f3a";
  const first = (channel: string, over: Partial<MessageRow> = {}): MessageRow =>
    messageRow(channel, 1, { body: `the ${marker}`, meta: `{"m":"${marker}"}`, mentions: ["bob", marker], ...over });
  const editOf = (channel: string, row: MessageRow, seq = 2): MessageRow =>
    changeRow("edited", channel, seq, row.id, { body: `${marker} edited` });

  it("right behind what it deletes, in one batch, leaves the positions and no text", async () => {
    const row = first("d1");
    const deletion = changeRow("deleted", "d1", 4, row.id);
    const rows = [row, editOf("d1", row), editOf("d1", row, 3), deletion, messageRow("d1", 5)];
    expect(await saveBatch(store, batchOf(entriesOf(11, rows)))).toMatchObject({ inserted: 5, quarantined: 0 });
    expect(await tablesWith(marker)).toEqual([]);
    expect(await mentionsIn("d1")).toEqual([]);
    expect(await frames("d1")).toEqual([
      {
        ...{ type: "message", channel: "d1", epoch: EPOCH, seq: 1, at: row.at, id: row.id, clientId: "c1" },
        ...{ user: "ada", name: "Ada", deleted: true },
      },
      { type: "edited", channel: "d1", epoch: EPOCH, seq: 2, at: EPOCH + 2, id: row.id, user: "ada" },
      { type: "edited", channel: "d1", epoch: EPOCH, seq: 3, at: EPOCH + 3, id: row.id, user: "ada" },
      { type: "deleted", channel: "d1", epoch: EPOCH, seq: 4, at: EPOCH + 4, id: row.id, user: "ada" },
      expect.objectContaining({ seq: 5, body: "message 5" }),
    ]);
  });

  it("puts deleted ones where it took entries out, as the first of an epoch too, and what comes yet changes nothing", async () => {
    const before = messageRow("d2", 7, { epoch: EPOCH - 9 });
    await saveBatch(store, batchOf([entryOf(12, { epoch: EPOCH - 9, number: 1 }, before)]));
    const row = first("d2", { prevEpoch: EPOCH - 9, prevSeq: 6, replyTo: before.id });
    const edit = editOf("d2", row);
    const deletion = deletionOf(12, 3, changeRow("deleted", "d2", 3, row.id), [row, edit]);
    const outcome = await saveBatch(store, batchOf([deletion, ...entriesOf(12, [messageRow("d2", 4)], 4)]));
    // The first row of the epoch follows what is stored, whoever left it behind.
    const prev = { epoch: EPOCH - 9, seq: 7 };
    expect(outcome).toMatchObject({ inserted: 2, quarantined: 0, raised: [{ position: { seq: 1 }, prev }] });
    const stood = await frames("d2");
    expect(stood).toMatchObject([
      { seq: 7 },
      { seq: 1, type: "message", id: row.id, deleted: true, replyTo: before.id, prev },
      { seq: 2, type: "edited", id: row.id },
      { seq: 3, type: "deleted", id: row.id },
      { seq: 4 },
    ]);
    // Another persister had read them before they were taken out.
    const late = await saveBatch(store, batchOf(entriesOf(12, [row, edit])));
    expect(late).toMatchObject({ inserted: 0, skipped: 2, quarantined: 0, unstored: [] });
    expect(await saveBatch(store, batchOf([deletion]))).toMatchObject({ skipped: 1 });
    expect(await frames("d2")).toEqual(stood);
    expect(await tablesWith(marker)).toEqual([]);
  });

  it("keeps an edit without a text that comes behind it, though nobody had taken it out", async () => {
    const row = first("d3");
    await saveBatch(store, batchOf(entriesOf(13, [row, changeRow("deleted", "d3", 3, row.id)])));
    await saveBatch(store, batchOf(entriesOf(13, [editOf("d3", row)], 3)));
    expect(await shown("d3", row.id)).toMatchObject({ body: null, edited: null });
    expect(await tablesWith(marker)).toEqual([]);
  });

  it("takes the text out of dead letters and of quarantine, whether they came before it or after it", async () => {
    const row = first("d4");
    const frame = JSON.stringify({ type: "message", id: row.id, body: marker });
    const refused = { ...entryOf(14, at(1), { ...row, body: `${marker}\u0000` }), frame };
    const editFrame = (seq: number) => JSON.stringify({ type: "edited", seq, id: row.id, body: marker });
    const badEdit = (seq: number): BatchEntry => ({
      ...entryOf(14, at(seq), { ...editOf("d4", row, seq), body: "\u0000" }),
      frame: editFrame(seq),
    });
    const unreadable = (seq: number): BatchEntry => ({
      ...entryOf(14, at(seq), messageRow("d4", seq)),
      ...{ frame: `{"nobody can read ${marker}`, row: { kind: "unreadable" as const, fault: "not JSON" } },
    });
    const twin = { ...editOf("d4", row, 5), id: messageId("twin of e-5") };
    await saveBatch(store, batchOf([refused, badEdit(2), unreadable(3), entryOf(14, at(4), messageRow("d4", 5))]));
    await saveBatch(store, batchOf([entryOf(14, at(5), twin), entryOf(14, at(6), { ...row, seq: 5 })]));
    expect(await tablesWith(marker)).toEqual(["dead_letters", "quarantine"]);
    const removed = [changeRow("edited", "d4", 3, row.id), changeRow("edited", "d4", 6, row.id)];
    const outcome = await saveBatch(
      store,
      batchOf([deletionOf(14, 7, changeRow("deleted", "d4", 8, row.id), removed), badEdit(7)]),
    );
    expect(outcome).toMatchObject({ kind: "saved", quarantined: 0 });
    expect(await tablesWith(marker)).toEqual([]);
    // What another persister had in its hands all the while.
    const readLate = { ...unreadable(6), position: { epoch: EPOCH, seq: 6 } };
    await saveBatch(store, batchOf([readLate, entryOf(14, at(9), { ...twin, id: messageId("twin again") })]));
    expect(await tablesWith(marker)).toEqual([]);
    // They are kept, so that nobody takes their entries for stored.
    expect(await sql`select 1 from dead_letters where channel = 'd4'`).toHaveLength(5);
    expect(await sql`select 1 from quarantine where channel = 'd4'`).toHaveLength(3);
  });

  it("that Postgres refuses leaves the line whole", async () => {
    const odd = messageRow("d5", 1, { author: "\u0000", clientId: "\u0000" });
    const deletion = deletionOf(15, 2, changeRow("deleted", "d5", 2, odd.id), [odd]);
    expect(await saveBatch(store, batchOf([deletion]))).toMatchObject({ deadLetters: [{ position: { seq: 2 } }] });
    expect(await frames("d5")).toMatchObject([
      { seq: 1, deleted: true },
      { seq: 2, deleted: true },
    ]);
  });
});

describe("a reaction", () => {
  const say = (channel: string, seq: number, target: string, over: Partial<MessageRow> = {}): MessageRow =>
    changeRow("reaction", channel, seq, target, { emoji: "👍", standing: true, ...over });

  it("is the last word of its user on that emoji by position, however it comes", async () => {
    const first = messageRow("r1", 1);
    const words = [
      say("r1", 2, first.id),
      say("r1", 3, first.id, { standing: false }),
      say("r1", 4, first.id, { emoji: "🎉" }),
      say("r1", 5, first.id, { author: "bob" }),
    ];
    const [message, ...said] = entriesOf(21, [first, ...words]);
    await saveBatch(store, batchOf(message === undefined ? [] : [message, ...said.toReversed()]));
    const expected = [
      { user: "ada", emoji: "🎉", standing: true, seq: 4 },
      { user: "ada", emoji: "👍", standing: false, seq: 3 },
      { user: "bob", emoji: "👍", standing: true, seq: 5 },
    ];
    expect(await reactionsOf("r1")).toEqual(expected);
    for (const entry of said) await saveBatch(store, batchOf([entry]));
    expect(await reactionsOf("r1")).toEqual(expected);
    expect(await frames("r1")).toMatchObject([
      { type: "message" },
      { type: "reaction", id: first.id, user: "ada", emoji: "👍", on: true },
      { type: "reaction", emoji: "👍", on: false },
      { type: "reaction", emoji: "🎉", on: true },
      { type: "reaction", user: "bob", emoji: "👍", on: true },
    ]);
  });

  it("that stands goes with its message, and one that comes later does not stand", async () => {
    const first = messageRow("r2", 1);
    const rows = [first, say("r2", 2, first.id), changeRow("deleted", "r2", 3, first.id), say("r2", 4, first.id)];
    await saveBatch(store, batchOf(entriesOf(22, rows)));
    await saveBatch(store, batchOf(entriesOf(22, [say("r2", 5, first.id, { author: "bob" })], 5)));
    expect(await reactionsOf("r2")).toEqual([]);
  });
});

describe("mentions", () => {
  it("are rows of their own, none of oneself, whichever way their batch went", async () => {
    const rows = [messageRow("m1", 1, { mentions: ["bob", "eve", "ada"] }), messageRow("m1", 2, { mentions: [] })];
    await saveBatch(store, batchOf(entriesOf(31, rows)));
    const more = messageRow("m1", 3, { mentions: ["bob", "bob"] });
    const edit = changeRow("edited", "m1", 4, more.id, { body: "@eve" });
    await saveBatch(store, batchOf(entriesOf(31, [more, edit], 3)));
    expect(await mentionsIn("m1")).toEqual(["bob 1", "eve 1", "bob 3"]);
    await saveBatch(store, batchOf(entriesOf(31, [more], 3)));
    expect(await mentionsIn("m1")).toEqual(["bob 1", "eve 1", "bob 3"]);
  });

  it("are written by a persister of the build before as well", async () => {
    const span = `(32,0,0,${EPOCH},1,${EPOCH},1)`;
    const row = `(m2,${EPOCH},1,message,${messageId("m2")},,c1,ada,Ada,hi,,,"{bob}",${EPOCH},,)`;
    const quoted = row.replaceAll('"', String.raw`\"`);
    const [saved] = await sql`select saved from save_fresh(
      ${`{"${span}"}`}::text::batch_span[], ${`{"${quoted}"}`}::text::fresh_row[], false)`;
    expect(saved).toEqual({ saved: true });
    expect(await mentionsIn("m2")).toEqual(["bob 1"]);
  });
});
