// Contract of dead letters that are tried again or given up: stored once at their positions, and never against what came later.
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { batchOf, changeRow, entryOf, EPOCH, messageRow } from "./batch.fixture.ts";
import type { BatchEntry, SaveOutcome } from "./batch.ts";
import { connectStore } from "./connect.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { renderRow } from "./message-row.ts";
import type { MessageRow } from "./message-row.ts";
import { createMessages } from "./messages.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const messages = createMessages(store);
const letters = createDeadLetters(store);
const by = { machine: "desk", user: "olga" };
const EVERY = { channel: null, after: 0, limit: 100 };
const PARTITION = 3;

/** Whatever Postgres refuses today and takes tomorrow. */
const refuse = (check: string) =>
  sql.unsafe(`alter table messages add constraint refused check (not (${check})) not valid`);
const refusePoison = () => refuse("body like 'poison%' or emoji is not distinct from '\u2620'");
const refuseDeletions = () => refuse("kind = 'deleted'");
const takeAll = () => sql`alter table messages drop constraint if exists refused`;

beforeEach(async () => {
  await takeAll();
  await sql`truncate messages, outbox_positions, users, dead_letters, quarantine, mentions, reactions, announcements, channels cascade`;
});

let number = 0;
/** As it was announced. */
function announced(row: MessageRow): BatchEntry {
  number += 1;
  return { ...entryOf(PARTITION, { epoch: EPOCH, number }, row), frame: renderRow(row).frame };
}

const save = (...rows: MessageRow[]): Promise<SaveOutcome> => saveBatch(store, batchOf(rows.map(announced)));
const numberAt = async (seq: number): Promise<number> =>
  (await letters.list(EVERY)).find(({ position }) => position === `${EPOCH}-${seq}`)?.id ?? 0;
const framesIn = async (channel: string): Promise<string[]> =>
  (await messages.after(channel, { epoch: 0, seq: 0 }, 100)).map(({ frame }) => frame);
const bodyAt = async (channel: string, seq: number): Promise<unknown> =>
  (await sql`select body from messages where channel = ${channel} and seq = ${seq}`)[0]?.["body"];
const audited = async (): Promise<unknown[]> =>
  (await sql`select audit from announcements order by id`).map(({ audit }): unknown => audit);

describe("a dead letter that is tried again", () => {
  it("is refused as long as Postgres refuses it, and then stands where it was announced, as it was announced", async () => {
    await refusePoison();
    const poison = messageRow("lobby", 2, { body: "poison", mentions: ["bob"], meta: '{"a":1}', replyTo: null });
    const rows = [messageRow("lobby", 1), poison, messageRow("lobby", 3)];
    await save(...rows);
    const [letter] = await letters.list(EVERY);
    expect(letter).toMatchObject({ channel: "lobby", position: `${EPOCH}-2`, reason: "refused by Postgres (23514)" });
    const id = letter?.id ?? 0;
    expect(await letters.retry(id, by)).toEqual({ kind: "refused", reason: "refused by Postgres (23514)" });
    expect([(await letters.list(EVERY)).length, await audited()]).toEqual([1, []]);

    await takeAll();
    expect(await letters.retry(id, by)).toEqual({ kind: "stored" });
    expect(await framesIn("lobby")).toEqual(rows.map((row) => renderRow(row).frame));
    expect(await sql`select user_id, seq::integer from mentions`).toEqual([{ user_id: "bob", seq: 2 }]);
    expect(await letters.list(EVERY)).toEqual([]);
    expect(await audited()).toEqual([
      expect.objectContaining({
        kind: "dead_letter_retry",
        actor: "node:desk",
        channel: "lobby",
        data: { letter: id, position: `${EPOCH}-2`, as: "olga" },
      }),
    ]);
    expect(JSON.stringify(await audited())).not.toContain('poison"');
    expect(await letters.retry(id, by)).toEqual({ kind: "unknown" });
  });

  it("is told as stored from then on, and was not before", async () => {
    await refusePoison();
    const poison = messageRow("held", 1, { body: "poison" });
    await save(poison);
    const placed = { channel: "held", position: { epoch: EPOCH, seq: 1 }, id: poison.id };
    expect(await messages.holds([placed])).toEqual([false]);
    await takeAll();
    await letters.retry(await numberAt(1), by);
    expect(await messages.holds([placed])).toEqual([true]);
  });

  it("keeps what its placeholder was found to follow, and the text of an edit that came meanwhile", async () => {
    await refusePoison();
    await save(messageRow("later", 7, { epoch: EPOCH - 1 }));
    const poison = messageRow("later", 1, { body: "poison" });
    await save(poison, changeRow("edited", "later", 2, poison.id, { body: "better" }));
    await takeAll();
    expect(await letters.retry(await numberAt(1), by)).toEqual({ kind: "stored" });
    const [, first] = await framesIn("later");
    expect(JSON.parse(first ?? "")).toMatchObject({ body: "better", prev: { epoch: EPOCH - 1, seq: 7 } });
  });

  it("and is an older edit or reaction changes nothing that a newer one has said", async () => {
    await refusePoison();
    const row = messageRow("edits", 1);
    const skull = changeRow("reaction", "edits", 4, row.id, { emoji: "\u2620", standing: true });
    await save(row, changeRow("edited", "edits", 2, row.id, { body: "poison" }));
    await save(changeRow("edited", "edits", 3, row.id, { body: "newest" }), skull);
    await takeAll();
    await save({ ...skull, seq: 5, id: `@${EPOCH}-5`, standing: false });
    expect(await letters.retry(await numberAt(2), by)).toEqual({ kind: "stored" });
    expect(await letters.retry(await numberAt(4), by)).toEqual({ kind: "stored" });
    expect([await bodyAt("edits", 1), await bodyAt("edits", 2)]).toEqual(["newest", "poison"]);
    expect(await sql`select standing, seq::integer from reactions`).toEqual([{ standing: false, seq: 5 }]);
    expect((await framesIn("edits")).map((frame) => JSON.parse(frame).type)).toEqual([
      ...["message", "edited", "edited", "reaction", "reaction"],
    ]);
  });

  it("and is a deletion takes the text out as it would have then", async () => {
    await refuseDeletions();
    const row = messageRow("gone", 1, { body: "said" });
    await save(row, changeRow("deleted", "gone", 2, row.id));
    expect(await bodyAt("gone", 1)).toBe("said");
    await takeAll();
    expect(await letters.retry(await numberAt(2), by)).toEqual({ kind: "stored" });
    expect(await framesIn("gone")).toEqual([
      expect.stringContaining('"deleted":true'),
      expect.stringContaining('"type":"deleted"'),
    ]);
  });

  it("never brings back a message that was deleted, also while its deletion is a letter itself", async () => {
    await refusePoison();
    const [early, late] = [messageRow("dead", 1, { body: "poison 1" }), messageRow("dead", 2, { body: "poison 2" })];
    await save(early, late);
    await save(changeRow("deleted", "dead", 3, early.id));
    await takeAll();
    await refuseDeletions();
    await save(changeRow("deleted", "dead", 4, late.id));
    await takeAll();
    for (const seq of [1, 2]) expect(await letters.retry(await numberAt(seq), by)).toEqual({ kind: "deleted" });
    expect(await letters.retry(await numberAt(4), by)).toEqual({ kind: "stored" });
    expect(await letters.retry(await numberAt(2), by)).toEqual({ kind: "deleted" });
    expect(await sql`select from messages where body is not null`).toHaveLength(0);
    expect(await sql`select from dead_letters where frame <> ''`).toHaveLength(0);
  });

  it("and is deleted in the same moment is deleted in the end, whoever comes first", async () => {
    const outcomes = new Set<string>();
    const rows = Array.from({ length: 24 }, (_, n) => messageRow(`race-${n}`, 1, { body: "poison" }));
    await refusePoison();
    await save(...rows);
    await takeAll();
    for (const [n, { id, channel }] of (await letters.list(EVERY)).entries()) {
      const row = rows.find((one) => one.channel === channel);
      if (row === undefined) throw new Error("a letter of no row");
      // Postgres has the first on its way before the second is written.
      const retried = n % 2 === 0 ? letters.retry(id, by) : undefined;
      const deleted = save(changeRow("deleted", row.channel, 2, row.id));
      outcomes.add((await (retried ?? letters.retry(id, by))).kind);
      await deleted;
      expect(await bodyAt(row.channel, 1)).toBeNull();
    }
    expect([...outcomes].toSorted()).toEqual(["deleted", "stored"]);
  });

  it("waits behind a batch of its partition that is being committed, and sees what that brings", async () => {
    await refusePoison();
    const row = messageRow("behind", 1, { body: "poison" });
    await save(row);
    await takeAll();
    const id = await numberAt(1);
    let retried: Promise<unknown> | undefined;
    await sql.begin(async (other) => {
      await other`select from outbox_positions where partition = ${PARTITION} for update`;
      retried = letters.retry(id, by);
      await expect.poll(() => sql`select from pg_stat_activity where wait_event_type = 'Lock'`).toHaveLength(1);
      const { channel, epoch } = row;
      await other`
        insert into messages (channel, epoch, seq, kind, id, target, author, at)
        values (${channel}, ${epoch}, 2, 'deleted', '@x', ${row.id}, 'ada', 1)`;
    });
    expect(await retried).toEqual({ kind: "deleted" });
  });

  it("says of what cannot stand there any more why not, and leaves everything as it is", async () => {
    await refusePoison();
    await save(messageRow("old", 1, { body: "poison" }), messageRow("closed", 1, { body: "poison" }));
    await save(messageRow("taken", 1, { body: "poison" }));
    await takeAll();
    const unnamed = announced(messageRow("no channel\u0000", 1));
    const unread = announced(messageRow("unread", 1));
    await saveBatch(store, batchOf([{ ...unnamed, row: { kind: "unreadable", fault: "no channel" } }]));
    await saveBatch(store, batchOf([{ ...unread, frame: "{", row: { kind: "unreadable", fault: "not JSON" } }]));
    await sql`delete from messages where channel = 'old'`;
    await sql`insert into channels (id, kind, owner, deleted_at) values ('closed', 'public', 'ada', 1)`;
    await sql`update messages set deleted_at = null, body = 'mine' where channel = 'taken'`;
    const before = await letters.list(EVERY);
    const outcomes = new Map<string | null, unknown>();
    for (const { id, channel } of before) outcomes.set(channel, await letters.retry(id, by));
    expect(Object.fromEntries(outcomes)).toEqual({
      old: { kind: "gone" },
      closed: { kind: "gone" },
      taken: { kind: "taken" },
      null: { kind: "unreadable", reason: expect.stringContaining("channel") },
      unread: { kind: "unreadable", reason: expect.stringContaining("not JSON") },
    });
    expect([await letters.list(EVERY), await bodyAt("taken", 1)]).toEqual([before, "mine"]);
  });
});

describe("a dead letter that is given up", () => {
  it("is gone with its text and is recorded, and is never told as stored", async () => {
    await refusePoison();
    const row = messageRow("dropped", 1, { body: "poison" });
    await save(row);
    const id = await numberAt(1);
    expect([await letters.drop(id, by), await letters.drop(id, by)]).toEqual([true, false]);
    expect(await letters.list(EVERY)).toEqual([]);
    const [frame] = await framesIn("dropped");
    expect(JSON.parse(frame ?? "")).toMatchObject({ id: row.id, deleted: true });
    expect(await messages.holds([{ channel: "dropped", position: { epoch: EPOCH, seq: 1 }, id: row.id }])).toEqual([
      false,
    ]);
    expect(await audited()).toEqual([expect.objectContaining({ kind: "dead_letter_drop", channel: "dropped" })]);
  });
});

describe("a list", () => {
  it("is of one channel or of all, the oldest first, by pages, and says no text", async () => {
    await refusePoison();
    await save(messageRow("a", 1, { body: "poison" }), messageRow("b", 1, { body: "poison" }));
    await save(messageRow("a", 2, { body: "poison" }));
    await takeAll();
    const twin = messageRow("c", 1);
    await save(twin, { ...twin, seq: 2 });
    const all = await letters.list(EVERY);
    expect(all.map(({ channel, position }) => `${channel} ${position}`)).toEqual([
      ...[`a ${EPOCH}-1`, `b ${EPOCH}-1`, `a ${EPOCH}-2`],
    ]);
    expect(await letters.list({ channel: "a", after: 0, limit: 1 })).toEqual([all[0]]);
    expect(await letters.list({ channel: "a", after: all[0]?.id ?? 0, limit: 9 })).toEqual([all[2]]);
    const cases = await letters.quarantined(EVERY);
    expect(cases).toEqual([
      expect.objectContaining({ channel: "c", position: `${EPOCH}-2`, message: twin.id, standsAt: `${EPOCH}-1` }),
    ]);
    expect(JSON.stringify([all, cases])).not.toContain("poison");
  });
});
