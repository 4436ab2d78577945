// Contract of reading the audit log: every record that is asked for, once, however it is paged; with a channel's messages, without
// their text.
import { testPostgres } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuditChain } from "./audit-chain.ts";
import { createAuditLog } from "./audit-log.ts";
import type { AuditCursor, AuditEntry, AuditQuestion } from "./audit-log.ts";
import type { AuditRow } from "./audit-row.ts";
import { createAuditKey } from "./audit-seal.ts";
import { auditRow, batchOf, changeRow, entriesOf, EPOCH, messageId, recordOf, rowsOf } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { saveBatch } from "./save-batch.ts";

const { url } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());
const log = createAuditLog(store);

async function all(question: AuditQuestion, limit: number): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let after: AuditCursor | undefined;
  for (let pages = 0; pages < 200; pages += 1) {
    const page = await log.page(question, limit, after);
    expect(page.entries.length).toBeLessThanOrEqual(limit);
    entries.push(...page.entries);
    after = page.next;
    if (after === undefined) return entries;
  }
  throw new Error("it never ends");
}
const idsOf = (entries: readonly AuditEntry[]): string[] => entries.map(({ id }) => id);

beforeAll(async () => {
  const chain = createAuditChain({ key: createAuditKey("k".repeat(32)), actor: () => "node:p" });
  const kinds = ["connect", "join", "ban"] as const;
  const row = (n: number): AuditRow =>
    auditRow(`r${String(n).padStart(2, "0")}`, {
      ...{ at: EPOCH + Math.floor(n / 4) * 10, what: kinds[n % 3] ?? "", actor: `user-${n % 2}`, data: '{"n":1}' },
      ...{ subject: n % 3 === 2 ? "eve" : null, channel: n % 3 === 0 ? null : "lobby" },
    });
  const records = Array.from({ length: 30 }, (_, n) => recordOf(n % 3, 1 + Math.floor(n / 3), row(n)));
  await saveBatch(store, batchOf(records), chain);
  const said = [
    ...rowsOf("lobby", 9, { at: EPOCH + 35, author: "user-1" }),
    changeRow("edited", "lobby", 10, messageId(`lobby-${EPOCH}-3`), { body: "new", at: EPOCH + 36, author: "user-0" }),
    changeRow("reaction", "lobby", 11, messageId(`lobby-${EPOCH}-3`), { emoji: "+", standing: true, at: EPOCH + 36 }),
    changeRow("deleted", "lobby", 12, messageId(`lobby-${EPOCH}-4`), { at: EPOCH + 37 }),
  ];
  await saveBatch(store, batchOf(entriesOf(9, said)));
});

describe("the audit log", () => {
  it.each([1, 3, 7, 100])("is read whole, the newest first, in pages of %i", async (limit) => {
    const entries = await all({}, limit);
    expect(entries).toHaveLength(30);
    expect(new Set(idsOf(entries)).size).toBe(30);
    expect(entries.map(({ at }) => at)).toEqual(entries.map(({ at }) => at).toSorted((a, b) => b - a));
  });

  it("answers what was asked: by actor, subject, kind and time", async () => {
    expect((await all({ actor: "user-1" }, 4)).every(({ actor }) => actor === "user-1")).toBe(true);
    expect(await all({ actor: "user-1" }, 4)).toHaveLength(15);
    expect((await all({ subject: "eve" }, 4)).map(({ kind }) => kind)).toEqual(Array.from({ length: 10 }, () => "ban"));
    expect(await all({ kind: "connect", actor: "user-0" }, 2)).toHaveLength(5);
    const between = await all({ fromMs: EPOCH + 10, toMs: EPOCH + 20 }, 3);
    expect(between.map(({ at }) => at - EPOCH)).toEqual([20, 20, 20, 20, 10, 10, 10, 10]);
    const [first] = await all({ kind: "ban" }, 50);
    expect(first).toEqual({
      ...{ id: "r29", at: EPOCH + 70, kind: "ban", actor: "user-1", subject: "eve", channel: "lobby" },
      ...{ node: "edge-1.k3f9", address: "hashed", reason: null, data: { n: 1 } },
    });
  });

  it.each([1, 2, 5, 100])(
    "of a channel holds its messages, edits and deletions without their text, in pages of %i",
    async (limit) => {
      const entries = await all({ channel: "lobby" }, limit);
      const said = entries.filter(({ kind }) => ["message", "edited", "deleted"].includes(kind));
      expect(entries).toHaveLength(20 + 11);
      expect(said.map(({ data }) => data?.["seq"])).toEqual([12, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
      expect(said[1]).toMatchObject({
        kind: "edited",
        actor: "user-0",
        subject: messageId(`lobby-${EPOCH}-3`),
        channel: "lobby",
      });
      expect(JSON.stringify(entries)).not.toMatch(/message \d|"new"|body/);
      expect((await all({ channel: "lobby", kind: "message", actor: "user-1" }, limit)).length).toBe(9);
      expect(await all({ channel: "lobby", subject: "eve" }, limit)).toHaveLength(10);
      expect(await all({ channel: "lobby", toMs: EPOCH + 36, fromMs: EPOCH + 36 }, limit)).toHaveLength(1);
    },
  );
});
