// Contract of the readers of `messages`: finished frames in order, by index, from one part of the table.
import { parseMessageFrame } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchOf, entriesOf, EPOCH, messageId, messageRow, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { renderRow } from "./message-row.ts";
import { createMessages } from "./messages.ts";
import type { Stretch } from "./messages.ts";
import { saveBatch } from "./save-batch.ts";
import { loadStatement } from "./statement.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const messages = createMessages(store);
const start = { epoch: 0, seq: 0 };
const MB = 1_000_000;
const seqsOf = (frames: readonly { position: { seq: number } }[]): number[] =>
  frames.map(({ position }) => position.seq);

describe("a channel's past", () => {
  beforeAll(async () => {
    const rows = rowsOf("past", 30).map((row) =>
      row.seq % 10 === 0 ? { ...row, replyTo: messageId(`past-${EPOCH}-1`) } : row,
    );
    const later = messageRow("past", 31, { epoch: EPOCH + 5, prevEpoch: EPOCH, prevSeq: 30 });
    await saveBatch(store, batchOf([...entriesOf(1, rows), ...entriesOf(1, [later])]));
  });

  it("is read forward right after a position, across epochs, ascending", async () => {
    expect(seqsOf(await messages.after("past", start, 3))).toEqual([1, 2, 3]);
    const end = await messages.after("past", { epoch: EPOCH, seq: 29 }, 10);
    expect(end.map(({ position, prev }) => [position, prev])).toEqual([
      [{ epoch: EPOCH, seq: 30 }, undefined],
      [
        { epoch: EPOCH + 5, seq: 31 },
        { epoch: EPOCH, seq: 30 },
      ],
    ]);
    expect(await messages.after("past", { epoch: EPOCH + 5, seq: 31 }, 10)).toEqual([]);
  });

  it("is read backward before a position or from the end, newest first", async () => {
    const before = async (from: Position | undefined, most: number): Promise<number[]> =>
      (await messages.stretchesBefore([{ channel: "past", from, most, bytes: MB }])).flatMap(seqsOf);
    expect(await before(undefined, 3)).toEqual([31, 30, 29]);
    expect(await before({ epoch: EPOCH, seq: 3 }, 3)).toEqual([2, 1]);
  });

  it("is read with that of others in one statement, each from its own position and as far as its own bytes", async () => {
    const past = { channel: "past", from: start, most: 2, bytes: MB };
    const stretches: Stretch[] = [
      past,
      { ...past, channel: "never" },
      { ...past, from: { epoch: EPOCH, seq: 20 }, most: 50 },
      { ...past, most: 50, bytes: 1 },
      { ...past, most: 50, bytes: 300 },
    ];
    const forward = (await messages.stretchesAfter(stretches)).map(seqsOf);
    expect(forward.slice(0, 4)).toEqual([[1, 2], [], [21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31], [1]]);
    expect(forward[4]).toEqual([1, 2, 3]);
    const backward = (await messages.stretchesBefore(stretches)).map(seqsOf);
    expect(backward).toEqual([[], [], [19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1], [], []]);
    expect(await messages.lasts(["never", "past", "past"])).toEqual([
      start,
      { epoch: EPOCH + 5, seq: 31 },
      { epoch: EPOCH + 5, seq: 31 },
    ]);
  });

  it("is read as the answers to one message only, both ways", async () => {
    const first = messageId(`past-${EPOCH}-1`);
    const stretch = { channel: "past", from: undefined, most: 2, bytes: MB };
    const at = (seq: number): Position => ({ epoch: EPOCH, seq });
    expect(seqsOf(await messages.repliesBefore(stretch, first))).toEqual([30, 20]);
    expect(seqsOf(await messages.repliesBefore({ ...stretch, from: at(20) }, first))).toEqual([10]);
    expect(seqsOf(await messages.repliesAfter({ ...stretch, from: start }, first))).toEqual([10, 20]);
    expect(seqsOf(await messages.repliesAfter({ ...stretch, from: at(20) }, first))).toEqual([30]);
    expect(seqsOf(await messages.repliesAfter({ ...stretch, from: start, bytes: 1 }, first))).toEqual([10]);
  });

  it("ends at its last position, at the origin when it is empty", async () => {
    expect(await messages.last("past")).toEqual({ epoch: EPOCH + 5, seq: 31 });
    expect(await messages.last("never")).toEqual(start);
  });

  it("holds a message only at its own position", async () => {
    const id = messageId(`past-${EPOCH}-4`);
    const asked = [
      { channel: "past", position: { epoch: EPOCH, seq: 4 }, id },
      { channel: "past", position: { epoch: EPOCH, seq: 5 }, id },
      { channel: "other", position: { epoch: EPOCH, seq: 4 }, id },
    ];
    expect(await messages.holds(asked)).toEqual([true, false, false]);
  });

  it("shows a deleted message without its text, at its position", async () => {
    await saveBatch(store, batchOf(entriesOf(2, [messageRow("gone", 1, { deletedAt: EPOCH, meta: '{"k":"v"}' })])));
    const [frame] = await messages.after("gone", start, 1);
    expect(JSON.parse(frame?.frame ?? "")).toMatchObject({ seq: 1, deleted: true, user: "ada" });
    expect(frame?.frame).not.toMatch(/body|meta/);
  });
});

describe("a row", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("{", '"\\', "null", "NULL", "a,b", " ", "'; --"),
  );
  const meta = fc.dictionary(
    fc.stringMatching(/^[a-z0-9 "\\]{1,8}$/),
    fc.oneof(text, fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  );
  const written = fc.record({
    body: text,
    name: text,
    author: text.filter((id) => id !== ""),
    meta: fc.option(meta.map((value) => JSON.stringify(value))),
    mentions: fc.option(
      fc.array(
        text.filter((id) => id !== ""),
        { minLength: 1, maxLength: 4 },
      ),
    ),
    replyTo: fc.option(fc.constant(messageId("answered"))),
    at: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  });
  const storable = (value: unknown): boolean => !/\\u0000|\\\\u0000/.test(JSON.stringify(value));

  it("comes back from Postgres as the very frame that was announced", async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(written.filter(storable), { minLength: 1, maxLength: 60 }), async (all) => {
        round += 1;
        const rows = all.map((over, index) => messageRow(`trip-${round}`, index + 1, over));
        const outcome = await saveBatch(store, batchOf(entriesOf(1_000 + round, rows)));
        expect(outcome).toMatchObject({ kind: "saved", inserted: rows.length, deadLetters: [] });
        const frames = await messages.after(`trip-${round}`, start, 100);
        expect(frames).toEqual(rows.map(renderRow));
        for (const { frame } of frames) expect(parseMessageFrame(frame).channel).toBe(`trip-${round}`);
      }),
      { numRuns: 25 },
    );
  });
});

describe("every query", () => {
  beforeAll(async () => {
    for (let n = 0; n < 20; n += 1)
      await saveBatch(store, batchOf(entriesOf(3, rowsOf(`many-${n}`, 200), 1 + n * 200)));
    await sql`analyze messages`;
  });

  /** Of one channel in the middle; the arrays of those that take several hold one element. */
  const one = { channels: "'{many-3}'", epochs: `'{${EPOCH}}'`, seqs: "'{50}'", ids: "'{x}'", most: "'{20}'" };
  const stretch = [one.channels, one.epochs, one.seqs, one.most, "'{9000}'"];
  const replies = ["'many-3'", String(EPOCH), "50", "20", "'x'", "9000"];
  const end = [String(EPOCH), "100"];
  const asked: Record<string, readonly string[]> = {
    "messages-after": stretch,
    "messages-before": [...stretch, one.epochs, one.seqs],
    "messages-replies-after": [...replies, ...end],
    "messages-replies-before": [...replies, ...end],
    "messages-last": [one.channels],
    "messages-holds": [one.channels, one.epochs, one.seqs, one.ids],
    "message-find": ["'many-3'", `'${messageId(`many-3-${EPOCH}-5`)}'`, "'ada'"],
    "reactions-own": ["'many-3'", one.ids, "'{ada,bob}'"],
    "replies-count": ["'many-3'", one.ids, ...end],
  };
  const names = Object.keys(asked);
  const plans = ["force_custom_plan", "force_generic_plan"];
  const cases = names.flatMap((name) => plans.map((plan) => [name, plan] as const));

  it.each(cases)("uses an index of one part of the table: %s, %s", async (name, plan) => {
    const statement = loadStatement(name);
    const used = asked[name] ?? [];
    const own = await sql.reserve();
    try {
      await own.unsafe(`set plan_cache_mode = ${plan}`);
      await own.unsafe(`prepare asked as ${statement}`);
      // Executed, since a generic plan leaves out the other parts only then.
      const rows = await own.unsafe(`explain (analyze, costs off, timing off) execute asked(${used.join(", ")})`);
      const lines = rows.map((row) => String(row["QUERY PLAN"])).filter((line) => !line.includes("never executed"));
      const explained = lines.join("\n");
      expect(explained).not.toContain("Seq Scan");
      expect(explained).toMatch(/Index (Only )?Scan/);
      const read = lines.filter((line) => / on messages_\d/.test(line));
      const parts = name.startsWith("reactions") ? 0 : 1;
      expect(new Set(read.map((line) => /on (messages_\d+)/.exec(line)?.[1])).size).toBe(parts);
    } finally {
      await own.unsafe("deallocate all");
      await own.unsafe("reset plan_cache_mode");
      own.release();
    }
  });
});
