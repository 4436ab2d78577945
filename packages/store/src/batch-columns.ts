// The columns of a batch: the types read_position and batch_entry of the migrations, attribute by attribute. A column is
// named here and there, nowhere else, and a test compares the two. Called by save-batch.ts alone. Pure.
import { arrayLiteral } from "./array-literal.ts";
import type { Cell } from "./array-literal.ts";
import type { EntryId } from "./entry-id.ts";
import type { MessageRow } from "./message-row.ts";
import { recordLiteral } from "./record-literal.ts";

/** One entry of a batch as save_batch takes it. Without a row it only moves the position. */
export interface BatchItem {
  readonly partition: number;
  readonly id: EntryId;
  readonly epoch: number;
  readonly seq: number;
  readonly row: MessageRow | undefined;
  /** Given when the row is a placeholder. */
  readonly dead?: { readonly frame: string; readonly reason: string } | undefined;
}

type Columns<Item> = Readonly<Record<string, (item: Item, index: number) => Cell>>;

/** Attributes of read_position, in their order. */
export const READ_COLUMNS: Columns<readonly [number, EntryId]> = {
  partition: ([partition]) => partition,
  epoch: ([, { epoch }]) => epoch,
  number: ([, { number }]) => number,
};

/** Attributes of batch_entry, in their order; epoch and seq are of the entry itself. */
export const ENTRY_COLUMNS: Columns<BatchItem> = {
  index: (_, index) => index + 1,
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
};

/** `readAfter` holds exactly the partitions of the items. */
export function batchParameters(readAfter: ReadonlyMap<number, EntryId>, items: readonly BatchItem[]): string[] {
  return [records(READ_COLUMNS, [...readAfter]), records(ENTRY_COLUMNS, items)];
}

function records<Item>(columns: Columns<Item>, items: readonly Item[]): string {
  const cells = Object.values(columns);
  return arrayLiteral(items.map((item, index) => recordLiteral(cells.map((cell) => cell(item, index)))));
}
