// How a row of `audit_log` is sealed: HMAC-SHA256 (RFC 2104) over the seal before it and every column, in one form that only
// these values have. Used by whoever adds to the log and by whoever verifies it. Pure.
import { createHmac, createSecretKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { AuditRow, SealedRow } from "./audit-row.ts";

/** A key with the name under which rows tell that it sealed them. */
export interface AuditKey {
  readonly id: string;
  readonly secret: KeyObject;
}

/** Before the first row of a chain. */
const BEGINNING = Buffer.alloc(32);
const ID_CHARS = 12;

/** The name follows from the secret and says nothing of it. */
export function createAuditKey(secret: string): AuditKey {
  const key = createSecretKey(Buffer.from(secret, "utf8"));
  const id = createHmac("sha256", key).update("name of a key of the audit log").digest("base64url").slice(0, ID_CHARS);
  return { id, secret: key };
}

/** In hex. `before`: the seal of the row before in hex, null for the first of a chain. */
export function sealOf(key: AuditKey, before: string | null, row: Omit<SealedRow, "mac">): string {
  // An array of JSON has one reading: no two rows have the same bytes, whatever their texts hold.
  const columns: readonly (string | number | null)[] = [
    ...[row.partition, row.n, row.id, row.at, row.what, row.actor, row.subject, row.channel],
    ...[row.node, row.address, row.reason, row.data, row.keyId],
  ];
  return createHmac("sha256", key.secret)
    .update(before === null ? BEGINNING : Buffer.from(before, "hex"))
    .update(JSON.stringify(columns))
    .digest("hex");
}

/** The row as it stands at `n` of the partition's chain. */
export function sealed(key: AuditKey, before: string | null, partition: number, n: number, row: AuditRow): SealedRow {
  const unsealed = { ...row, partition, n, keyId: key.id };
  return { ...unsealed, mac: sealOf(key, before, unsealed) };
}
