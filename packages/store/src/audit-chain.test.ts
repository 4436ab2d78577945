// Contract of the chains that a persister adds to: one line a partition, whoever else adds to it, and one record a happening.
import { describe, expect, it } from "vitest";
import { createAuditChain } from "./audit-chain.ts";
import type { Appended, AuditChain, ChainStands, NamedHead } from "./audit-chain.ts";
import type { SealedRow } from "./audit-row.ts";
import { createAuditKey, sealOf } from "./audit-seal.ts";
import { auditRow } from "./batch.fixture.ts";

const oldKey = createAuditKey("o".repeat(32));
const newKey = createAuditKey("n".repeat(32));
const placed = (...ids: string[]) => ids.map((id) => ({ partition: 1, row: auditRow(id) }));

/** What Postgres does with it, in memory. */
function createTable() {
  const rows: SealedRow[] = [];
  const headOf = (partition: number) => rows.findLast((row) => row.partition === partition);
  const save = (heads: readonly NamedHead[], added: readonly SealedRow[]): Promise<Appended> => {
    const doubled = added.map(({ id }) => id).filter((id) => rows.some((row) => row.id === id));
    const isMoved = heads.some(
      ({ partition, n, mac }) => n !== (headOf(partition)?.n ?? 0) || mac !== (headOf(partition)?.mac ?? null),
    );
    const stands: ChainStands = {
      doubled,
      heads: heads.map(({ partition }) => {
        const { n = 0, mac = null, keyId = null } = headOf(partition) ?? {};
        return { partition, n, mac, keyId };
      }),
    };
    if (doubled.length > 0 || isMoved) return Promise.resolve({ stands, isAppended: false });
    rows.push(...added);
    return Promise.resolve({ stands: null, isAppended: true });
  };
  return { rows, save };
}

const chainOf = (key = oldKey, previousKey = oldKey): AuditChain =>
  createAuditChain({ key, previousKey, actor: () => "node:persister-1.x", clock: () => 5 });

function expectOneChain(rows: readonly SealedRow[], keys = [oldKey, newKey]): void {
  let before: string | null = null;
  for (const [at, row] of rows.entries()) {
    expect(row.n).toBe(at + 1);
    const key = keys.find(({ id }) => id === row.keyId);
    expect(key === undefined ? "no key" : sealOf(key, before, row)).toBe(row.mac);
    before = row.mac;
  }
}

describe("a chain", () => {
  it("goes on where the one before ended, also where another process has added to it", async () => {
    const { rows, save } = createTable();
    const [a, b] = [chainOf(), chainOf()];
    await a.append(placed("1", "2"), save);
    await b.append(placed("3"), save);
    await a.append(placed("4"), save);
    expect(rows.map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
    expectOneChain(rows);
    expect(a.heads().get(1)).toMatchObject({ n: 4, mac: rows[3]?.mac });
  });

  it("holds a record once, whether it comes again alone, beside others, or twice at once", async () => {
    const { rows, save } = createTable();
    await chainOf().append(placed("1", "1"), save);
    await chainOf().append(placed("1"), save);
    await chainOf().append(placed("2", "1", "3"), save);
    expect(rows.map(({ id }) => id)).toEqual(["1", "2", "3"]);
    expectOneChain(rows);
  });

  it("is not taken for longer than it is when nothing was committed", async () => {
    const { rows, save } = createTable();
    const chain = chainOf();
    await chain.append(placed("1"), () => Promise.resolve({ stands: null, isAppended: false }));
    await expect(chain.append(placed("2"), () => Promise.reject(new Error("away")))).rejects.toThrow("away");
    await chain.append(placed("3"), save);
    expect(rows.map(({ id, n }) => [id, n])).toEqual([["3", 1]]);
  });

  it("passes to another key by a record that the key before has sealed", async () => {
    const { rows, save } = createTable();
    await chainOf().append(placed("1"), save);
    await chainOf(newKey, oldKey).append(placed("2"), save);
    expect(rows.map(({ what, keyId }) => [what, keyId])).toEqual([
      ["connect", oldKey.id],
      ["audit_key", oldKey.id],
      ["connect", newKey.id],
    ]);
    expect(rows[1]).toMatchObject({ subject: newKey.id, actor: "node:persister-1.x", at: 5 });
    expectOneChain(rows);
    // Nobody is kept from adding by a key that only others know: the record tells of it all the same.
    await chainOf(oldKey, oldKey).append(placed("3"), save);
    expect(rows.slice(3).map(({ what, keyId }) => [what, keyId])).toEqual([
      ["audit_key", oldKey.id],
      ["connect", oldKey.id],
    ]);
    expectOneChain(rows);
  });

  it("tells when rows that this process added are gone from its end", async () => {
    const { rows, save } = createTable();
    const told: unknown[] = [];
    const shortened = (...given: unknown[]): void => void told.push(given);
    const chain = createAuditChain({ key: oldKey, actor: () => "node:p", shortened });
    await chain.append(placed("1", "2"), save);
    rows.pop();
    await chain.append(placed("3"), save);
    expect(told).toMatchObject([[1, { n: 2 }, { n: 1, mac: rows[0]?.mac }]]);
  });

  it("gives up when it never stands still, and names no key's secret in its id", async () => {
    let n = 0;
    const never = (heads: readonly NamedHead[]): Promise<Appended> => {
      n += 1;
      const stands = heads.map(({ partition }) => ({ partition, n, mac: "00", keyId: oldKey.id }));
      return Promise.resolve({ stands: { doubled: [], heads: stands }, isAppended: false });
    };
    await expect(chainOf().append(placed("1"), never)).rejects.toThrow(/never stood still/);
    expect([oldKey.id, newKey.id]).toEqual([
      expect.stringMatching(/^[\w-]{12}$/),
      expect.not.stringContaining("n".repeat(8)),
    ]);
  });
});
