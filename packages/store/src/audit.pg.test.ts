// Contract of the audit log in Postgres: added to with the messages of its batch, one sealed chain a partition whoever adds to
// it, every record once, and nothing in it that a writer may change.
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { createAuditChain } from "./audit-chain.ts";
import { createAuditKey, sealOf } from "./audit-seal.ts";
import {
  auditRow,
  batchOf,
  changeRow,
  entriesOf,
  EPOCH,
  messageId,
  messageRow,
  recordOf,
  rowsOf,
} from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { saveBatch } from "./save-batch.ts";
import { saveFresh } from "./save-fresh.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const key = createAuditKey("k".repeat(32));
const newChain = () => createAuditChain({ key, actor: () => "node:persister-1.x" });
const after = (number: number) => ({ epoch: EPOCH, number });

interface Stored {
  readonly n: number;
  readonly id: string;
  readonly mac: string;
}

/** Checks the partition's chain to its head, and answers its ids. */
async function chainIn(partition: number): Promise<string[]> {
  const rows = await sql<(Stored & Parameters<typeof sealOf>[2])[]>`
    select partition, n::integer as n, id, at::float8 as at, kind as what, actor, subject, channel, node, address, reason,
      data::text as data, key_id as "keyId", encode(mac, 'hex') as mac
    from audit_log where partition = ${partition} order by n`;
  let before: string | null = null;
  for (const [at, row] of rows.entries()) {
    expect([row.n, sealOf(key, before, row)]).toEqual([at + 1, row.mac]);
    before = row.mac;
  }
  const [head] = await sql`
    select audit_n::integer as n, encode(audit_mac, 'hex') as mac from outbox_positions where partition = ${partition}`;
  expect(head).toEqual({ n: rows.length, mac: before });
  return rows.map(({ id }) => id);
}

describe("audit records", () => {
  it("are stored with the messages beside them by the short way, and move the position", async () => {
    const odd = auditRow("p1-2", {
      data: '{"a" : "b,\\"c\\"","n":1.50}',
      reason: 'say "no", (or) {yes} \\ \n',
      actor: "日本 \u{1f980}",
    });
    const entries = [
      recordOf(1, 1, auditRow("p1-1")),
      ...entriesOf(1, [messageRow("a", 1)], 2),
      recordOf(1, 3, odd),
      recordOf(2, 1, auditRow("p2-1")),
    ];
    const saved = await saveFresh(store, batchOf(entries), newChain());
    expect(saved).toMatchObject({
      inserted: 1,
      reached: new Map([
        [1, after(3)],
        [2, after(1)],
      ]),
    });
    expect(await chainIn(1)).toEqual(["p1-1", "p1-2"]);
    expect(await chainIn(2)).toEqual(["p2-1"]);
    expect(typeof saved === "object" && saved.heads.get(1)?.n).toBe(2);
    const [row] = await sql`select actor, reason, data::text as data from audit_log where id = 'p1-2'`;
    expect(row).toEqual({ actor: odd.actor, reason: odd.reason, data: odd.data });
  });

  it("are stored by the long way too, beside an edit and an entry that nobody can read", async () => {
    const [message] = rowsOf("long", 1);
    if (message === undefined) throw new Error("no row");
    const unreadable = { ...recordOf(3, 3, auditRow("-")), row: { kind: "unreadable" as const, fault: "odd" } };
    const entries = [
      ...entriesOf(3, [message, changeRow("edited", "long", 2, message.id, { body: "new" })]),
      unreadable,
      recordOf(3, 4, auditRow("p3-1")),
    ];
    const saved = await saveBatch(store, batchOf(entries), newChain());
    expect(saved).toMatchObject({ kind: "saved", inserted: 2, deadLetters: [{ partition: 3 }] });
    expect(await chainIn(3)).toEqual(["p3-1"]);
  });

  it("make one chain when two processes add to it in turn and at once, each knowing an older end", async () => {
    const [a, b] = [newChain(), newChain()];
    const add = (chain: typeof a, number: number) =>
      saveBatch(
        store,
        batchOf([recordOf(4, number, auditRow(`p4-${number}`))], number === 1 ? [] : [[4, after(number - 1)]]),
        chain,
      );
    await add(a, 1);
    await add(b, 2);
    await add(a, 3);
    // Both read the same entries, as when a partition passes from one to the other.
    for (const number of [4, 5, 6, 7]) await Promise.all([add(a, number), add(b, number)]);
    expect(await chainIn(4)).toEqual([1, 2, 3, 4, 5, 6, 7].map((number) => `p4-${number}`));
  });

  it("read again from their beginning are not stored again, and those that are new are", async () => {
    const entries = [1, 2, 3].map((number) => recordOf(5, number, auditRow(`p5-${number}`)));
    await saveBatch(store, batchOf(entries.slice(0, 2)), newChain());
    expect(await saveBatch(store, batchOf(entries), newChain())).toMatchObject({
      kind: "saved",
      deadLetters: [],
      unstored: [],
    });
    expect(await chainIn(5)).toEqual(["p5-1", "p5-2", "p5-3"]);
    // A Redis that lost its memory numbers low again: what it numbers is new all the same.
    await saveBatch(store, batchOf([recordOf(5, 1, auditRow("p5-4"))]), newChain());
    expect(await chainIn(5)).toEqual(["p5-1", "p5-2", "p5-3", "p5-4"]);
  });

  it("are not stored where an earlier batch is missing", async () => {
    const late = batchOf([recordOf(6, 5, auditRow("p6-5"))], [[6, after(4)]]);
    expect(await saveBatch(store, late, newChain())).toEqual({ kind: "behind", partitions: [6] });
    expect(await sql`select 1 from audit_log where partition = 6`).toHaveLength(0);
  });

  it("stay when a message beside them is refused", async () => {
    const bad = messageRow("refused", 1, { body: "nul \0" });
    const entries = [recordOf(7, 1, auditRow("p7-1")), ...entriesOf(7, [bad], 2), recordOf(7, 3, auditRow("p7-2"))];
    const saved = await saveBatch(store, batchOf(entries), newChain());
    expect(saved).toMatchObject({ kind: "saved", deadLetters: [{ channel: "refused" }] });
    expect(await chainIn(7)).toEqual(["p7-1", "p7-2"]);
    expect(saved.kind === "saved" && saved.heads.get(7)?.n).toBe(2);
  });

  it("need a chain, and a batch without them needs none", async () => {
    await expect(saveBatch(store, batchOf([recordOf(8, 1, auditRow("p8"))]))).rejects.toThrow(/chain/);
    expect(
      await saveBatch(store, batchOf(entriesOf(8, [messageRow("none", 1, { id: messageId("none") })]))),
    ).toMatchObject({
      inserted: 1,
      heads: new Map(),
    });
  });
});

describe("a writer of least privilege", () => {
  const asWriter = (statement: string) =>
    sql.begin(async (transaction) => {
      await transaction.unsafe("set local role rookery_writer");
      await transaction.unsafe(statement);
    });

  it.each([
    "update audit_log set actor = 'eve'",
    "delete from audit_log",
    "truncate audit_log",
    "drop table audit_log",
  ])("may not %s", async (statement) => {
    await expect(asWriter(statement)).rejects.toThrow(/permission denied|must be owner/);
  });

  it("commits batches", async () => {
    await asWriter(`
      select * from save_fresh_audited(
        array[(90, 0, 0, ${EPOCH}, 1, ${EPOCH}, 1)::batch_span], '{}', false, false,
        array[(90, 0, null)::audit_head],
        array[(90, 1, 'p90-1', 5, 'connect', 'ada', null, null, null, null, null, null, 'k', '00')::audit_item]
      )`);
    expect(await sql`select id from audit_log where partition = 90`).toEqual([{ id: "p90-1" }]);
  });
});
