// Contract of the short way to commit a batch: it stores what the long way stores, or nothing.
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import type { Batch } from "./batch.ts";
import { batchOf, entriesOf, entryOf, EPOCH, messageId, messageRow, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import type { MessageRow } from "./message-row.ts";
import { createOutboxPositions } from "./outbox-positions.ts";
import { saveBatch } from "./save-batch.ts";
import { saveFresh } from "./save-fresh.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const positions = createOutboxPositions(store);

const count = async (channel: string): Promise<number> =>
  (await sql`select 1 from messages where channel = ${channel}`).length;
const after = (number: number) => ({ epoch: EPOCH, number });

/** What the long way makes of it: an entry that cannot be read, of a partition and channel beside, sends a batch there. */
const saveLong = (batch: Batch) => {
  const [first] = batch.entries;
  if (first === undefined) throw new Error("no entries");
  const beside = { ...first, partition: 999, channel: "", row: { kind: "unreadable" as const, fault: "beside" } };
  return saveBatch(store, { ...batch, entries: [...batch.entries, beside] });
};

const ODD: Partial<MessageRow>[] = [
  { body: 'say "no", (or) {yes} \\ now\nnext', name: "" },
  { body: "", meta: '{"a" : "b,\\"c\\"", "n":1.50}', replyTo: messageId("other") },
  { mentions: ['a"b', "c\\d", "{e,f}", "null", ""], body: "null", name: "(,)" },
  { body: "日本 \u{1f980} \\N \\.", clientId: null, name: null },
  { body: '"', mentions: [] },
  { body: "\\", name: '""' },
];

describe("a batch in which nothing is unusual", () => {
  it("is stored with its positions, and nothing is left for the long way", async () => {
    const entries = [...entriesOf(1, rowsOf("a", 3)), ...entriesOf(2, rowsOf("b", 2))];
    expect(await saveFresh(store, batchOf(entries))).toMatchObject({ kind: "saved", inserted: 5, raised: [] });
    const next = entriesOf(1, rowsOf("a", 5).slice(3), 4);
    expect(await saveFresh(store, batchOf(next, [[1, after(3)]]))).toMatchObject({ inserted: 2 });
    const last = await positions.lastIds();
    expect([last.get(1), last.get(2)]).toEqual([after(5), after(2)]);
  });

  it("becomes the very rows that the long way makes of it, whatever its texts hold", async () => {
    const rows = (channel: string) =>
      ODD.map((odd, at) => messageRow(channel, at + 2, { ...odd, id: messageId(`${at}`) }));
    expect(await saveFresh(store, batchOf(entriesOf(3, rows("short"))))).toMatchObject({ inserted: ODD.length });
    expect(await saveLong(batchOf(entriesOf(4, rows("long"))))).toMatchObject({ inserted: ODD.length });
    const stored = async (channel: string) =>
      (await sql`select m.*, m.meta::text as meta from messages m where channel = ${channel} order by seq`).map(
        (row) => ({
          ...row,
          channel: "",
        }),
      );
    expect(await stored("short")).toEqual(await stored("long"));
    expect((await stored("short")).map((row) => "body" in row && row.body)).toEqual(ODD.map(({ body }) => body));
  });

  it("keeps its authors as the long way does, and leaves one alone who is known and was seen within the minute", async () => {
    const of = (seq: number, author: string, name: string, at: number) =>
      batchOf(entriesOf(5, [messageRow("authors", seq, { author, name, at })], seq));
    const seen = async () => {
      const [row] =
        await sql`select name, last_seen_at::float8 as last, xmin::text as version from users where id = 'eve'`;
      return row;
    };
    await saveFresh(store, of(2, "eve", "Eve", EPOCH));
    const first = await seen();
    expect(first).toMatchObject({ name: "Eve", last: EPOCH });
    await saveFresh(store, of(3, "eve", "Eve", EPOCH + 59_999));
    expect(await seen()).toEqual(first);
    await saveFresh(store, of(4, "eve", "Eve", EPOCH + 60_000));
    expect(await seen()).toMatchObject({ name: "Eve", last: EPOCH + 60_000 });
    await saveFresh(store, of(5, "eve", "Eva", EPOCH + 60_001));
    expect(await seen()).toMatchObject({ name: "Eva" });
    await saveFresh(store, of(6, "eve", "Old", EPOCH));
    expect(await seen()).toMatchObject({ name: "Eva" });
  });
});

describe("a batch in which something is unusual", () => {
  const taken = messageRow("taken", 2);

  it.each<[string, () => Promise<Batch>, string]>([
    [
      "was stored before",
      async () => {
        await saveBatch(store, batchOf(entriesOf(10, rowsOf("again", 2))));
        return batchOf(entriesOf(10, rowsOf("again", 2)));
      },
      "again",
    ],
    [
      "was stored before in part",
      async () => {
        await saveBatch(store, batchOf(entriesOf(11, rowsOf("part", 2))));
        return batchOf(entriesOf(11, rowsOf("part", 4)));
      },
      "part",
    ],
    ["misses an earlier one", async () => batchOf(entriesOf(12, rowsOf("behind", 2), 3), [[12, after(2)]]), "behind"],
    [
      "has a position that is another's",
      async () => {
        await saveBatch(store, batchOf([entryOf(13, after(1), taken)]));
        return batchOf([entryOf(13, after(2), { ...taken, id: messageId("other") })]);
      },
      "taken",
    ],
    [
      "has an entry that Postgres refuses",
      async () => batchOf(entriesOf(14, [messageRow("refused", 2), messageRow("refused", 3, { body: "\u0000" })])),
      "refused",
    ],
    [
      "has an entry that nobody can read",
      async () => {
        const entries = entriesOf(15, rowsOf("unread", 2));
        const row = { kind: "unreadable" as const, fault: "not JSON" };
        return batchOf(entries.map((entry, at) => (at === 1 ? { ...entry, row } : entry)));
      },
      "unread",
    ],
  ])("that %s is left as it is, for the long way", async (_, make, channel) => {
    const batch = await make();
    const [before, stood] = [await count(channel), await positions.lastIds()];
    expect(await saveFresh(store, batch)).toBe(channel === "refused" ? "refused" : "unusual");
    expect(await count(channel)).toBe(before);
    const [partition = -1] = batch.entries.map((entry) => entry.partition);
    const nowhere = { epoch: 0, number: 0 };
    expect((await positions.lastIds()).get(partition) ?? nowhere).toEqual(stood.get(partition) ?? nowhere);
    expect((await saveBatch(store, batch)).kind).toBe(channel === "behind" ? "behind" : "saved");
  });
});
