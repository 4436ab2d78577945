// The audit records of a batch, apart from its messages. Shared by the two ways to commit one. Pure.
import type { AuditChain, PlacedRecord } from "./audit-chain.ts";
import type { AuditHead } from "./audit-row.ts";
import type { Batch } from "./batch.ts";

export function recordsOf({ entries }: Pick<Batch, "entries">): PlacedRecord[] {
  return entries.flatMap(({ partition, row }) => (row.kind === "audit" ? [{ partition, row }] : []));
}

/** Throws for who commits audit records without a chain to add them to. */
export function chainOf(chain: AuditChain | undefined): AuditChain {
  if (chain === undefined) throw new Error("a batch with audit records needs a chain");
  return chain;
}

/** Where the chains of these records end, once they are committed. */
export function headsOf(chain: AuditChain | undefined, records: readonly PlacedRecord[]): Map<number, AuditHead> {
  const heads = new Map<number, AuditHead>();
  for (const { partition } of records) {
    const head = heads.has(partition) ? undefined : chain?.heads().get(partition);
    if (head !== undefined) heads.set(partition, { n: head.n, mac: head.mac });
  }
  return heads;
}

/** The one row that a statement answers. */
export async function only<Row>(asked: Promise<readonly Row[]>): Promise<Row> {
  const [row] = await asked;
  if (row === undefined) throw new Error("a batch was answered with nothing");
  return row;
}
