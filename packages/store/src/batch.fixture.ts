// Hand-made batches for this package's tests. Never imported by anything else.
import type { AuditRow } from "./audit-row.ts";
import type { Batch, BatchEntry } from "./batch.ts";
import type { EntryId } from "./entry-id.ts";
import { changeId } from "./message-row.ts";
import type { MessageRow } from "./message-row.ts";

export const EPOCH = 1_760_000_000_000;

/** 21 characters out of anything. */
export const messageId = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9_-]/g, "_")
    .padStart(21, "_")
    .slice(-21);

export function messageRow(channel: string, seq: number, over: Partial<MessageRow> = {}): MessageRow {
  return {
    channel,
    epoch: EPOCH,
    seq,
    kind: "message",
    id: messageId(`${channel}-${over.epoch ?? EPOCH}-${seq}`),
    target: null,
    clientId: `c${seq}`,
    author: "ada",
    name: "Ada",
    body: `message ${seq}`,
    meta: null,
    replyTo: null,
    mentions: null,
    at: EPOCH + seq,
    deletedAt: null,
    prevEpoch: null,
    prevSeq: null,
    emoji: null,
    standing: null,
    ...over,
  };
}

/** An edit, a deletion or a reaction of the message `target`. */
export function changeRow(
  kind: "edited" | "deleted" | "reaction",
  channel: string,
  seq: number,
  target: string,
  over: Partial<MessageRow> = {},
): MessageRow {
  const nameless = { clientId: null, name: null, body: null };
  const id = changeId({ epoch: over.epoch ?? EPOCH, seq });
  return messageRow(channel, seq, { ...nameless, kind, target, id, ...over });
}

/** What a deletion leaves where it took out the entry of this row. */
export function removedRow(row: MessageRow, deletedAt: number): MessageRow {
  const bare = { ...row, body: null, meta: null, mentions: null };
  return row.kind === "message" ? { ...bare, deletedAt } : bare;
}

export function entryOf(partition: number, id: EntryId, row: MessageRow): BatchEntry {
  const { channel, epoch, seq } = row;
  return { partition, id, channel, position: { epoch, seq }, frame: `{"of":"${row.id}"}`, row };
}

/** Entries numbered like their rows, all of one partition and epoch. */
export function entriesOf(partition: number, rows: readonly MessageRow[], first = 1): BatchEntry[] {
  return rows.map((row, index) => entryOf(partition, { epoch: row.epoch, number: first + index }, row));
}

export function batchOf(
  entries: readonly BatchEntry[],
  readAfter: readonly (readonly [number, EntryId])[] = [],
): Batch {
  return { readAfter: new Map(readAfter), entries };
}

export function rowsOf(channel: string, count: number, over: Partial<MessageRow> = {}): MessageRow[] {
  return Array.from({ length: count }, (_, index) => messageRow(channel, index + 1, over));
}

export function auditRow(id: string, over: Partial<AuditRow> = {}): AuditRow {
  return {
    ...{ kind: "audit", id, at: EPOCH, what: "connect", actor: "ada", subject: null, channel: null },
    ...{ node: "edge-1.k3f9", address: "hashed", reason: null, data: null },
    ...over,
  };
}

/** An entry that holds a record. */
export function recordOf(partition: number, number: number, row: AuditRow): BatchEntry {
  const id = { epoch: EPOCH, number };
  return { partition, id, channel: "", position: { epoch: 0, seq: 0 }, frame: `{"id":"${row.id}"}`, row };
}
