// Contract of the readers of `messages`: finished frames in order, by index, from one part of the table.
import { parseMessageFrame } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batchOf, entriesOf, EPOCH, messageId, messageRow, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { renderRow } from "./message-row.ts";
import { createMessages } from "./messages.ts";
import { saveBatch } from "./save-batch.ts";
import { loadStatement } from "./statement.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test" });
afterAll(() => store.close());
const messages = createMessages(store);
const start = { epoch: 0, seq: 0 };
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

  it("is read backward before a position or from the end, ascending all the same", async () => {
    expect(seqsOf(await messages.before("past", undefined, 3))).toEqual([29, 30, 31]);
    expect(seqsOf(await messages.before("past", { epoch: EPOCH, seq: 3 }, 3))).toEqual([1, 2]);
  });

  it("is read as the answers to one message only", async () => {
    const first = messageId(`past-${EPOCH}-1`);
    expect(seqsOf(await messages.before("past", undefined, 2, first))).toEqual([20, 30]);
    expect(seqsOf(await messages.before("past", { epoch: EPOCH, seq: 20 }, 2, first))).toEqual([10]);
  });

  it("ends at its last position, at the origin when it is empty", async () => {
    expect(await messages.last("past")).toEqual({ epoch: EPOCH + 5, seq: 31 });
    expect(await messages.last("never")).toEqual(start);
  });

  it("holds a message only at its own place", async () => {
    const id = messageId(`past-${EPOCH}-4`);
    expect(await messages.holds("past", { epoch: EPOCH, seq: 4 }, id)).toBe(true);
    expect(await messages.holds("past", { epoch: EPOCH, seq: 5 }, id)).toBe(false);
    expect(await messages.holds("other", { epoch: EPOCH, seq: 4 }, id)).toBe(false);
  });

  it("shows a deleted message without its text, at its place", async () => {
    await saveBatch(store, batchOf(entriesOf(2, [messageRow("gone", 1, { deletedAt: EPOCH, meta: '{"k":"v"}' })])));
    const [frame] = await messages.before("gone", undefined, 1);
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
        expect(outcome).toMatchObject({ saved: true, inserted: rows.length, deadLetters: [] });
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

  const names = ["messages-after", "messages-before", "messages-replies-before", "messages-last", "messages-holds"];
  const plans = ["force_custom_plan", "force_generic_plan"];
  const cases = names.flatMap((name) => plans.map((plan) => [name, plan] as const));

  it.each(cases)("uses an index of one part of the table: %s, %s", async (name, plan) => {
    const values = ["'many-3'", String(EPOCH), "50", name === "messages-holds" ? "'x'" : "20", "'x'"];
    const statement = loadStatement(name);
    const used = values.filter((_, index) => statement.includes(`$${index + 1}::`));
    const own = await sql.reserve();
    try {
      await own.unsafe(`set plan_cache_mode = ${plan}`);
      await own.unsafe(`prepare asked as ${statement}`);
      // Executed, since a generic plan leaves out the other parts only then.
      const rows = await own.unsafe(`explain (analyze, costs off, timing off) execute asked(${used.join(", ")})`);
      const explained = rows.map((row) => String(row["QUERY PLAN"])).join("\n");
      expect(explained).not.toContain("Seq Scan");
      expect(explained).toMatch(/Index (Only )?Scan/);
      const read = explained
        .split("\n")
        .filter((line) => / on messages_\d/.test(line) && !line.includes("never executed"));
      expect(new Set(read.map((line) => /on (messages_\d+)/.exec(line)?.[1])).size).toBe(1);
    } finally {
      await own.unsafe("deallocate all");
      await own.unsafe("reset plan_cache_mode");
      own.release();
    }
  });
});
