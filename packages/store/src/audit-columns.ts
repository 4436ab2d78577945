// The columns of what is sealed, as batch-columns.ts has those of a batch: the composite types of the migration, attribute by
// attribute. Called by the two ways to commit a batch. Pure.
import type { NamedHead } from "./audit-chain.ts";
import type { SealedRow } from "./audit-row.ts";
import type { Columns } from "./batch-columns.ts";
import { recordsLiteral } from "./records-literal.ts";

/** Attributes of audit_head, in their order. */
export const HEAD_COLUMNS: Columns<NamedHead> = {
  partition: ({ partition }) => partition,
  n: ({ n }) => n,
  mac: ({ mac }) => mac,
};

/** Attributes of audit_item, in their order. */
export const AUDIT_COLUMNS: Columns<SealedRow> = {
  partition: ({ partition }) => partition,
  n: ({ n }) => n,
  id: ({ id }) => id,
  at: ({ at }) => at,
  kind: ({ what }) => what,
  actor: ({ actor }) => actor,
  subject: ({ subject }) => subject,
  channel: ({ channel }) => channel,
  node: ({ node }) => node,
  address: ({ address }) => address,
  reason: ({ reason }) => reason,
  data: ({ data }) => data,
  key_id: ({ keyId }) => keyId,
  mac: ({ mac }) => mac,
};

export function auditParameters(
  heads: readonly NamedHead[],
  rows: readonly SealedRow[],
): [heads: string, rows: string] {
  return [recordsLiteral(Object.values(HEAD_COLUMNS), heads), recordsLiteral(Object.values(AUDIT_COLUMNS), rows)];
}
