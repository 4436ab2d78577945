// The columns of a batch: the composite types of the migrations, attribute by attribute. A column is named here and there,
// nowhere else, and a test compares the two. Called by the two ways to commit a batch. Pure.
import { arrayLiteral } from "./array-literal.ts";
import type { EntryId } from "./entry-id.ts";
import type { MessageRow } from "./message-row.ts";
import { recordsLiteral } from "./records-literal.ts";
import type { Column } from "./records-literal.ts";

/** One item of a batch as save_batch takes it. Without a row it only moves the position. */
export interface BatchItem {
  /** From 1: by it the answer names the entry. */
  readonly index: number;
  readonly partition: number;
  readonly id: EntryId;
  readonly epoch: number;
  readonly seq: number;
  readonly row: MessageRow | undefined;
  /** Given when the row is a placeholder. */
  readonly dead?: { readonly frame: string; readonly reason: string } | undefined;
}

export type Columns<Item> = Readonly<Record<string, Column<Item>>>;

/** Attributes of read_position, in their order. */
export const READ_COLUMNS: Columns<readonly [number, EntryId]> = {
  partition: ([partition]) => partition,
  epoch: ([, { epoch }]) => epoch,
  number: ([, { number }]) => number,
};

/** Attributes of batch_item, in their order; epoch and seq are of the entry itself. */
export const ITEM_COLUMNS: Columns<BatchItem> = {
  index: ({ index }) => index,
  partition: ({ partition }) => partition,
  entry_epoch: ({ id }) => id.epoch,
  entry_number: ({ id }) => id.number,
  dead_reason: ({ dead }) => dead?.reason ?? null,
  dead_frame: ({ dead }) => (dead === undefined ? null : Buffer.from(dead.frame, "utf8").toString("base64")),
  channel: ({ row }) => row?.channel ?? null,
  epoch: ({ epoch }) => epoch,
  seq: ({ seq }) => seq,
  kind: ({ row }) => row?.kind ?? null,
  id: ({ row }) => row?.id ?? null,
  target: ({ row }) => row?.target ?? null,
  client_id: ({ row }) => row?.clientId ?? null,
  author: ({ row }) => row?.author ?? null,
  name: ({ row }) => row?.name ?? null,
  body: ({ row }) => row?.body ?? null,
  meta: ({ row }) => row?.meta ?? null,
  reply_to: ({ row }) => row?.replyTo ?? null,
  mentions: ({ row }) => (row?.mentions == null ? null : arrayLiteral(row.mentions)),
  at: ({ row }) => row?.at ?? null,
  deleted_at: ({ row }) => row?.deletedAt ?? null,
  prev_epoch: ({ row }) => row?.prevEpoch ?? null,
  prev_seq: ({ row }) => row?.prevSeq ?? null,
  emoji: ({ row }) => row?.emoji ?? null,
  standing: ({ row }) => (row?.standing == null ? null : String(row.standing)),
};

/** A partition of a batch in which nothing is unusual. */
export interface BatchSpan {
  readonly partition: number;
  readonly after: EntryId;
  readonly first: EntryId;
  last: EntryId;
}

/** Attributes of batch_span, in their order. */
export const SPAN_COLUMNS: Columns<BatchSpan> = {
  partition: ({ partition }) => partition,
  after_epoch: ({ after }) => after.epoch,
  after_number: ({ after }) => after.number,
  first_epoch: ({ first }) => first.epoch,
  first_number: ({ first }) => first.number,
  last_epoch: ({ last }) => last.epoch,
  last_number: ({ last }) => last.number,
};

/** Attributes of fresh_row, in their order. */
export const FRESH_COLUMNS: Columns<MessageRow> = {
  channel: ({ channel }) => channel,
  epoch: ({ epoch }) => epoch,
  seq: ({ seq }) => seq,
  kind: ({ kind }) => kind,
  id: ({ id }) => id,
  target: ({ target }) => target,
  client_id: ({ clientId }) => clientId,
  author: ({ author }) => author,
  name: ({ name }) => name,
  body: ({ body }) => body,
  meta: ({ meta }) => meta,
  reply_to: ({ replyTo }) => replyTo,
  mentions: ({ mentions }) => (mentions === null ? null : arrayLiteral(mentions)),
  at: ({ at }) => at,
  prev_epoch: ({ prevEpoch }) => prevEpoch,
  prev_seq: ({ prevSeq }) => prevSeq,
};

/** `readAfter` holds exactly the partitions of the items; `removed` are the rows that deletions among them leave behind. */
export function batchParameters(
  readAfter: ReadonlyMap<number, EntryId>,
  items: readonly BatchItem[],
  removed: readonly BatchItem[],
): string[] {
  return [
    recordsLiteral(Object.values(READ_COLUMNS), [...readAfter]),
    recordsLiteral(Object.values(ITEM_COLUMNS), items),
    recordsLiteral(Object.values(ITEM_COLUMNS), removed),
  ];
}

export function freshParameters(
  spans: readonly BatchSpan[],
  rows: readonly MessageRow[],
  begins: boolean,
): [spans: string, rows: string, begins: boolean, mentions: boolean] {
  return [
    recordsLiteral(Object.values(SPAN_COLUMNS), spans),
    recordsLiteral(Object.values(FRESH_COLUMNS), rows),
    begins,
    rows.some(({ mentions }) => mentions !== null),
  ];
}
