// Contract of the verification: whoever owns the tables and changes the log is found out, whatever they change, as long as they
// do not have the key.
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { createAuditChain } from "./audit-chain.ts";
import { createAuditKey } from "./audit-seal.ts";
import { verifyAudit } from "./audit-verify.ts";
import type { AuditVerifyOptions } from "./audit-verify.ts";
import { auditRow, batchOf, recordOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { saveBatch } from "./save-batch.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const key = createAuditKey("k".repeat(32));
const newKey = createAuditKey("n".repeat(32));

async function add(partition: number, from: number, to: number, by = createAuditChain({ key, actor: () => "node:p" })) {
  const numbers = Array.from({ length: to - from + 1 }, (_, at) => from + at);
  const entries = numbers.map((n) =>
    recordOf(partition, n, auditRow(`${partition}-${n}`, { reason: `because of ${n}` })),
  );
  await saveBatch(store, batchOf(entries), by);
}
const verify = async (options: Partial<AuditVerifyOptions> = {}) => verifyAudit(store, { keys: [key], ...options });
const faults = async (options: Partial<AuditVerifyOptions> = {}) =>
  (await verify(options)).findings.map(({ partition, n, fault }) => `${partition}/${n} ${fault}`);
const headOf = async (partition: number) => {
  const [head] = await sql<{ n: number; mac: string }[]>`
    select audit_n::integer as n, encode(audit_mac, 'hex') as mac from outbox_positions where partition = ${partition}`;
  if (head === undefined) throw new Error("no head");
  return head;
};
const setBack = (partition: number) => sql`
  update outbox_positions p set audit_n = a.n, audit_mac = a.mac
  from (select n, mac from audit_log where partition = ${partition} order by n desc limit 1) as a
  where p.partition = ${partition}`;

beforeEach(async () => {
  await sql`truncate audit_log, outbox_positions`;
  await add(1, 1, 9);
  await add(2, 1, 3);
});

describe("a log that nobody has touched", () => {
  it("is found whole, however many take part in it and whichever keys they have", async () => {
    await add(1, 10, 12);
    await add(1, 13, 14, createAuditChain({ key: newKey, previousKey: key, actor: () => "node:p" }));
    const [fourth] = await sql<{ mac: string }[]>`
      select encode(mac, 'hex') as mac from audit_log where partition = 1 and n = 4`;
    const known = new Map([[1, [{ n: 4, mac: fourth?.mac ?? "" }, await headOf(1)]]]);
    expect(await verify({ keys: [newKey, key], known })).toEqual({
      partitions: 2,
      rows: 18,
      findings: [],
      more: false,
    });
  });

  it("cannot be vouched for without the key", async () => {
    expect((await faults({ keys: [newKey] })).slice(0, 2)).toEqual(["1/1 unknown_key", "1/2 unknown_key"]);
  });
});

describe("whoever owns the tables", () => {
  it.each([
    "at = at + 1",
    "kind = 'join'",
    "actor = 'eve'",
    "subject = 'eve'",
    "channel = 'lobby'",
    "node = null",
    "address = ''",
    "reason = null",
    `data = '{"a":1}'`,
    "id = 'x'",
  ])("and edits a row is found out: %s", async (change) => {
    await sql.unsafe(`update audit_log set ${change} where partition = 1 and n = 5`);
    expect(await faults()).toContain("1/5 edited");
  });

  it("and edits the last row with its head is found out", async () => {
    await sql`update audit_log set mac = '\\x00'::bytea where partition = 1 and n = 9`;
    await setBack(1);
    expect(await faults()).toEqual(["1/9 edited"]);
  });

  it("and removes a row is found out, also where what follows moves up", async () => {
    await sql`delete from audit_log where partition = 1 and n = 5`;
    expect(await faults()).toEqual(["1/5 missing"]);
    for (const n of [6, 7, 8, 9]) await sql`update audit_log set n = n - 1 where partition = 1 and n = ${n}`;
    await setBack(1);
    expect(await faults()).toContain("1/5 edited");
  });

  it("and swaps two rows is found out", async () => {
    await sql`update audit_log set n = 100 where partition = 1 and n = 3`;
    await sql`update audit_log set n = 3 where partition = 1 and n = 4`;
    await sql`update audit_log set n = 4 where partition = 1 and n = 100`;
    expect((await faults()).slice(0, 2)).toEqual(["1/3 edited", "1/4 edited"]);
  });

  it("and moves a row to another chain, or adds one, is found out", async () => {
    await sql`update audit_log set partition = 2, n = 4 where partition = 1 and n = 9`;
    expect(await faults()).toEqual(["1/9 cut", "2/4 edited", "2/4 beyond_head"]);
  });

  it("and cuts off the end is found out by the head, and where that is set back by one that was kept elsewhere", async () => {
    const kept = await headOf(1);
    await sql`delete from audit_log where partition = 1 and n > 6`;
    expect(await faults()).toEqual(["1/7 cut"]);
    await setBack(1);
    expect(await faults()).toEqual([]);
    expect(await faults({ known: new Map([[1, [kept]]]) })).toEqual(["1/7 cut"]);
    // The persisters go on with the shorter chain, beyond where it was cut.
    await add(1, 17, 21);
    expect(await faults()).toEqual([]);
    expect(await faults({ known: new Map([[1, [kept]]]) })).toEqual(["1/9 cut"]);
  });

  it("and empties all of it is found out by a head that was kept elsewhere", async () => {
    const kept = new Map([[1, [await headOf(1)]]]);
    await sql`truncate audit_log`;
    expect(await faults()).toEqual(["1/1 cut", "2/1 cut"]);
    await sql`truncate outbox_positions`;
    expect(await faults({ known: kept })).toEqual(["1/1 cut"]);
  });
});
