// Contract of the batch: all or nothing, exactly once, nothing left out.
import { randomBytes } from "node:crypto";
import { eventually, testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { batchOf, entriesOf, entryOf, EPOCH, messageId, messageRow, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import type { Store } from "./connect.ts";
import { createMessages } from "./messages.ts";
import { createOutboxPositions } from "./outbox-positions.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const messages = createMessages(store);
const positions = createOutboxPositions(store);

const seqs = async (channel: string): Promise<number[]> =>
  (await messages.after(channel, { epoch: 0, seq: 0 }, 10_000)).map(({ position }) => position.seq);

describe("a batch", () => {
  it("stores its rows and moves the positions of all its partitions", async () => {
    const entries = [...entriesOf(1, rowsOf("a1", 3)), ...entriesOf(2, rowsOf("a2", 2))];
    const outcome = await saveBatch(store, batchOf(entries));
    expect(outcome).toEqual({
      kind: "saved",
      inserted: 5,
      skipped: 0,
      quarantined: 0,
      deadLetters: [],
      raised: [],
      unstored: [],
      reached: new Map([
        [1, { epoch: EPOCH, number: 3 }],
        [2, { epoch: EPOCH, number: 2 }],
      ]),
      heads: new Map(),
    });
    expect(await seqs("a1")).toEqual([1, 2, 3]);
    const last = await positions.lastIds();
    expect([last.get(1), last.get(2)]).toEqual([
      { epoch: EPOCH, number: 3 },
      { epoch: EPOCH, number: 2 },
    ]);
    const [user] = await sql`select name, first_seen_at::float8 as first from users where id = 'ada'`;
    expect(user).toEqual({ name: "Ada", first: expect.any(Number) });
  });

  it("skips what is committed already and stores the rest", async () => {
    const entries = entriesOf(3, rowsOf("b", 6));
    await saveBatch(store, batchOf(entries.slice(0, 4)));
    expect(await saveBatch(store, batchOf(entries))).toMatchObject({ kind: "saved", inserted: 2, skipped: 4 });
    expect(await saveBatch(store, batchOf(entries))).toMatchObject({ kind: "saved", inserted: 0, skipped: 6 });
    expect(await seqs("b")).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("is refused as a whole when an earlier batch of one partition is missing", async () => {
    const late = entriesOf(4, [messageRow("c", 6)], 6);
    const good = entriesOf(5, rowsOf("c5", 1));
    const batch = batchOf([...good, ...late], [[4, { epoch: EPOCH, number: 5 }]]);
    expect(await saveBatch(store, batch)).toEqual({ kind: "behind", partitions: [4] });
    expect(await seqs("c")).toEqual([]);
    expect(await seqs("c5")).toEqual([]);
    expect((await positions.lastIds()).get(4)).toEqual({ epoch: 0, number: 0 });
  });

  it("compares entries by number and not by text", async () => {
    const rows = rowsOf("d", 12);
    await saveBatch(store, batchOf(entriesOf(6, rows.slice(0, 9))));
    const rest = batchOf(entriesOf(6, rows.slice(9), 10), [[6, { epoch: EPOCH, number: 9 }]]);
    expect(await saveBatch(store, rest)).toMatchObject({ kind: "saved", inserted: 3 });
  });

  it("stores each row once when two commit the same entries at once", async () => {
    const entries = entriesOf(7, rowsOf("e", 400));
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => saveBatch(store, batchOf(entries))));
    const inserted = outcomes.map((outcome) => (outcome.kind === "saved" ? outcome.inserted : -1));
    expect(inserted.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 400]);
    expect(await seqs("e")).toHaveLength(400);
  });

  it("waits for others in one order, so overlapping batches of many partitions all come through", async () => {
    const batches = Array.from({ length: 12 }, (_, n) =>
      batchOf(
        Array.from({ length: 16 }, (__, p) => (p * (n % 2 === 0 ? 1 : 15)) % 16).flatMap((p) =>
          entriesOf(100 + p, [messageRow(`f${p}`, 1, { author: `u${(p * 7 + n) % 5}` })]),
        ),
      ),
    );
    const outcomes = await Promise.all(batches.map((batch) => saveBatch(store, batch)));
    expect(outcomes.every(({ kind }) => kind === "saved")).toBe(true);
    expect(await sql`select 1 from messages where channel like 'f%'`).toHaveLength(16);
  });

  it("is committed only once the batch that holds its partition's lock has ended", async () => {
    const entries = entriesOf(8, rowsOf("g", 2));
    await saveBatch(store, batchOf(entries.slice(0, 1)));
    let saved: Promise<unknown> | undefined;
    await sql.begin(async (other) => {
      await other`select 1 from outbox_positions where partition = 8 for update`;
      saved = saveBatch(store, batchOf(entries));
      await eventually(async () => {
        const waiting =
          await sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'test'`;
        return waiting.length > 0;
      });
      // The other one gets there first: what it committed must be seen by the one that waited.
      await other`insert into messages (channel, epoch, seq, kind, id, author, at) values ('g', ${EPOCH}, 2, 'message', ${messageId(`g-${EPOCH}-2`)}, 'ada', 1)`;
      await other`update outbox_positions set last_epoch = ${EPOCH}, last_number = 2 where partition = 8`;
    });
    expect(await saved).toMatchObject({ kind: "saved", inserted: 0, skipped: 2 });
  });
});

describe("a persister of the build before", () => {
  it("commits with the function that it knows", async () => {
    const entry = `(1,40,${EPOCH},1,,,before,${EPOCH},1,message,${messageId("before")},,c1,ada,Ada,hi,,,,${EPOCH},,,)`;
    const rows = await sql`select inserted from save_batch(
      ${'{"(40,0,0)"}'}::text::read_position[], ${`{"${entry}"}`}::text::batch_entry[])`;
    expect(rows).toEqual([{ inserted: 1 }]);
    expect(await seqs("before")).toEqual([1]);
  });
});

describe("an entry at or below the position", () => {
  const later = EPOCH + 1_000;
  /** As when the partition moved on by an epoch before its Redis was restarted empty, with its clock back. */
  const passed = (partition: number) =>
    saveBatch(
      store,
      batchOf([entryOf(partition, { epoch: later, number: 9 }, messageRow(`of-${partition}`, 1, { epoch: later }))]),
    );

  it("is stored when Postgres does not hold it, once, and moves no position back", async () => {
    await passed(30);
    const batch = batchOf(entriesOf(30, rowsOf("late", 3)));
    const reached = new Map([[30, { epoch: later, number: 9 }]]);
    expect(await saveBatch(store, batch)).toMatchObject({ kind: "saved", inserted: 3, skipped: 0, reached });
    expect(await saveBatch(store, batch)).toMatchObject({ kind: "saved", inserted: 0, skipped: 3, reached });
    expect(await seqs("late")).toEqual([1, 2, 3]);
    expect((await positions.lastIds()).get(30)).toEqual({ epoch: later, number: 9 });
  });

  it("is stored beside others that Postgres holds", async () => {
    await passed(31);
    const entries = entriesOf(31, rowsOf("mixed", 4));
    await saveBatch(store, batchOf(entries.slice(1, 3)));
    const fresh = entryOf(31, { epoch: later, number: 10 }, messageRow("mixed", 5, { epoch: later }));
    expect(await saveBatch(store, batchOf([...entries, fresh]))).toMatchObject({ inserted: 3, skipped: 2 });
    expect(await seqs("mixed")).toEqual([1, 2, 3, 4, 5]);
  });

  it("goes to quarantine, once, when its position is another's", async () => {
    await saveBatch(store, batchOf(entriesOf(32, rowsOf("twice", 2))));
    await passed(32);
    const other = messageRow("twice", 2, { id: messageId("someone else"), body: "acknowledged too" });
    const batch = batchOf([entryOf(32, { epoch: EPOCH, number: 2 }, other)]);
    expect(await saveBatch(store, batch)).toMatchObject({ inserted: 0, quarantined: 1, unstored: [32] });
    expect(await saveBatch(store, batch)).toMatchObject({ skipped: 1, quarantined: 0, unstored: [32] });
    expect(await sql`select 1 from quarantine where channel = 'twice'`).toHaveLength(1);
  });

  it("that Postgres refuses becomes a dead letter, once", async () => {
    await passed(33);
    const bad = batchOf(entriesOf(33, [messageRow("bad", 1, { id: randomBytes(6_000).toString("base64url") })]));
    expect(await saveBatch(store, bad)).toMatchObject({ inserted: 1, deadLetters: [{ partition: 33 }] });
    expect(await saveBatch(store, bad)).toMatchObject({ inserted: 0, skipped: 1, deadLetters: [] });
    expect(await sql`select 1 from dead_letters where channel = 'bad'`).toHaveLength(1);
  });

  it("becomes what the first row of the next epoch follows", async () => {
    await saveBatch(store, batchOf(entriesOf(34, rowsOf("line", 1))));
    const next = messageRow("line", 2, { epoch: later, prevEpoch: EPOCH, prevSeq: 1 });
    await saveBatch(store, batchOf([entryOf(34, { epoch: later, number: 2 }, next)]));
    const between = messageRow("line", 2, { epoch: EPOCH + 500, prevEpoch: EPOCH, prevSeq: 1 });
    const outcome = await saveBatch(store, batchOf([entryOf(34, { epoch: EPOCH + 500, number: 2 }, between)]));
    const prev = { epoch: EPOCH + 500, seq: 2 };
    expect(outcome).toMatchObject({ inserted: 1, raised: [{ position: { epoch: later, seq: 2 }, prev }] });
    expect((await messages.after("line", prev, 1))[0]?.prev).toEqual(prev);
  });
});

describe("a position that is taken", () => {
  it("by the same message is no conflict", async () => {
    const row = messageRow("h", 1);
    await saveBatch(store, batchOf([entryOf(9, { epoch: EPOCH, number: 1 }, row)]));
    const again = batchOf([entryOf(9, { epoch: EPOCH, number: 2 }, row)]);
    expect(await saveBatch(store, again)).toMatchObject({ kind: "saved", inserted: 0, skipped: 0, quarantined: 0 });
  });

  it("by another message sends the late one to quarantine, and the rest proceeds", async () => {
    await saveBatch(store, batchOf(entriesOf(10, rowsOf("i", 2))));
    const other = messageRow("i", 2, { id: messageId("another"), body: "too late", meta: '{"k":1}' });
    const batch = batchOf(entriesOf(10, [other, messageRow("i", 3)], 3));
    expect(await saveBatch(store, batch)).toMatchObject({ inserted: 1, quarantined: 1, unstored: [10] });
    expect(await saveBatch(store, batch)).toMatchObject({ inserted: 0, quarantined: 0, unstored: [10] });
    const [row] = await sql`select message_id, held_id, message from quarantine where channel = 'i'`;
    expect(row).toMatchObject({
      message_id: other.id,
      held_id: messageId(`i-${EPOCH}-2`),
      message: { body: "too late", meta: { k: 1 } },
    });
    expect(await seqs("i")).toEqual([1, 2, 3]);
  });

  it("is filled by a deleted message when the id stands at another position", async () => {
    const twin = messageRow("j", 2, { id: messageId(`j-${EPOCH}-1`), body: "secret" });
    const batch = batchOf(entriesOf(11, [messageRow("j", 1), twin, messageRow("j", 3)]));
    expect(await saveBatch(store, batch)).toMatchObject({ kind: "saved", inserted: 2, quarantined: 1 });
    const frames = await messages.after("j", { epoch: 0, seq: 0 }, 10);
    expect(frames.map(({ position }) => position.seq)).toEqual([1, 2, 3]);
    expect(JSON.parse(frames[1]?.frame ?? "")).toMatchObject({ deleted: true });
    expect(frames[1]?.frame).not.toContain("secret");
  });
});

describe("the first row of an epoch", () => {
  const later = EPOCH + 1000;

  it("keeps the prev it came with when nothing stands between", async () => {
    await saveBatch(store, batchOf(entriesOf(12, rowsOf("k", 2))));
    const first = messageRow("k", 3, { epoch: later, prevEpoch: EPOCH, prevSeq: 2 });
    expect(await saveBatch(store, batchOf(entriesOf(12, [first], 3)))).toMatchObject({ raised: [] });
    expect((await messages.after("k", { epoch: EPOCH, seq: 2 }, 1))[0]?.prev).toEqual({ epoch: EPOCH, seq: 2 });
  });

  it("follows the channel's last row, also one that the new Redis had lost", async () => {
    await saveBatch(store, batchOf(entriesOf(13, rowsOf("l", 4))));
    const first = messageRow("l", 3, { epoch: later, prevEpoch: EPOCH, prevSeq: 2 });
    const outcome = await saveBatch(store, batchOf(entriesOf(13, [first], 5)));
    const raised = { channel: "l", position: { epoch: later, seq: 3 }, prev: { epoch: EPOCH, seq: 4 } };
    expect(outcome).toMatchObject({ kind: "saved", inserted: 1, raised: [raised] });
    const [frame] = await messages.after("l", { epoch: EPOCH, seq: 4 }, 1);
    expect(frame?.prev).toEqual(raised.prev);
    expect(frame?.frame).toContain(`"prev":{"epoch":${EPOCH},"seq":4}`);
  });

  it("follows rows that come in the same batch, also when its Redis knew of no earlier one", async () => {
    const first = messageRow("m", 1, { epoch: later });
    const batch = batchOf([...entriesOf(14, rowsOf("m", 2)), entryOf(14, { epoch: later, number: 3 }, first)]);
    expect(await saveBatch(store, batch)).toMatchObject({ raised: [{ prev: { epoch: EPOCH, seq: 2 } }] });
  });
});

describe("an entry that Postgres refuses", () => {
  it("becomes a dead letter with a placeholder at its position, and all others are stored", async () => {
    const rows = rowsOf("n", 300).map((row) => (row.seq === 137 ? { ...row, body: "a\u0000b" } : row));
    const long = messageRow("n2", 1, { id: randomBytes(6000).toString("base64url") });
    const outcome = await saveBatch(store, batchOf([...entriesOf(15, rows), ...entriesOf(16, [long])]));
    expect(outcome).toMatchObject({ kind: "saved", skipped: 0, quarantined: 0 });
    expect(
      outcome.kind === "saved" && outcome.deadLetters.map(({ partition, position }) => [partition, position.seq]),
    ).toEqual([
      [15, 137],
      [16, 1],
    ]);
    expect(await seqs("n")).toEqual(rows.map(({ seq }) => seq));
    const [placeholder] = await messages.after("n", { epoch: EPOCH, seq: 136 }, 1);
    expect(JSON.parse(placeholder?.frame ?? "")).toMatchObject({ deleted: true, seq: 137, user: "ada" });
    const letters = await sql`select channel, reason, convert_from(frame, 'UTF8') as frame from dead_letters
        where channel in ('n', 'n2') order by id`;
    expect(letters).toEqual([
      { channel: "n", reason: expect.stringMatching(/22021/), frame: `{"of":"${messageId(`n-${EPOCH}-137`)}"}` },
      { channel: "n2", reason: expect.stringMatching(/54000/), frame: expect.any(String) },
    ]);
    expect((await positions.lastIds()).get(15)).toEqual({ epoch: EPOCH, number: 300 });
  });

  it("is found among a thousand by at most 25 statements, wherever it stands", async () => {
    for (const [at, seq] of [1, 500, 501, 683, 1_000].entries()) {
      const channel = `found-${at}`;
      const rows = rowsOf(channel, 1_000).map((row) => (row.seq === seq ? { ...row, body: "\u0000" } : row));
      let statements = 0;
      const query: Store["query"] = (...asked) => {
        statements += 1;
        return store.query(...asked);
      };
      const outcome = await saveBatch({ ...store, query }, batchOf(entriesOf(20 + at, rows)));
      expect(outcome).toMatchObject({ kind: "saved", inserted: 1_000, deadLetters: [{ position: { seq } }] });
      expect(statements).toBeLessThanOrEqual(25);
      expect(await sql`select from messages where channel = ${channel}`).toHaveLength(1_000);
      expect(await sql`select from messages where channel = ${channel} and body is null`).toHaveLength(1);
    }
  });

  it("is told only once, however often it is read", async () => {
    const bad = entriesOf(17, [messageRow("o", 1, { name: "\u0000" })]);
    const told = async (): Promise<unknown> => {
      const outcome = await saveBatch(store, batchOf(bad));
      return outcome.kind === "saved" && [outcome.deadLetters.length, outcome.unstored];
    };
    // Who reads it again, after a crash, must still be able to say that the partition holds something unstored.
    expect([await told(), await told()]).toEqual([
      [1, [17]],
      [0, [17]],
    ]);
  });

  it("that could not even be read goes the same way", async () => {
    const good = entriesOf(18, [messageRow("p", 1), messageRow("p", 2), messageRow("p", 3)]);
    const entries = good.map((entry) =>
      entry.position.seq === 2 ? { ...entry, row: { kind: "unreadable" as const, fault: "not JSON" } } : entry,
    );
    const lost = entryOf(18, { epoch: EPOCH, number: 4 }, messageRow("p", 4));
    const nowhere = { ...lost, channel: "no channel\u0000", row: { kind: "unreadable" as const, fault: "no channel" } };
    const next = entryOf(18, { epoch: EPOCH, number: 5 }, messageRow("p", 5));
    const unplaced = {
      ...next,
      position: { epoch: 0, seq: 0 },
      row: { kind: "unreadable" as const, fault: "no position" },
    };
    const outcome = await saveBatch(store, batchOf([...entries, nowhere, unplaced]));
    expect(outcome).toMatchObject({
      kind: "saved",
      inserted: 3,
      deadLetters: [{ reason: "not JSON" }, { reason: "no channel" }, { reason: "no position" }],
    });
    expect(await seqs("p")).toEqual([1, 2, 3]);
    expect((await positions.lastIds()).get(18)?.number).toBe(5);
  });
});
