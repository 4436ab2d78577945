// Turns a batch into the parameters of save_batch: one array a column, aligned by entry. Called by save-batch.ts
// alone. Pure.
import { arrayLiteral } from "./array-literal.ts";
import type { Cell } from "./array-literal.ts";
import type { EntryId } from "./entry-id.ts";
import type { MessageRow } from "./message-row.ts";

/** One entry of a batch as save_batch takes it. Without a row it only moves the position. */
export interface PlacedRow {
  readonly partition: number;
  readonly id: EntryId;
  readonly epoch: number;
  readonly seq: number;
  readonly row: MessageRow | undefined;
  /** Given when the row is a placeholder. */
  readonly dead?: { readonly frame: string; readonly reason: string } | undefined;
}

/** In the order of the function's parameters, from p_channel to p_prev_seq; epoch and seq are of the entry itself. */
const COLUMNS: readonly ((placed: PlacedRow) => Cell)[] = [
  ({ row }) => row?.channel ?? null,
  ({ epoch }) => epoch,
  ({ seq }) => seq,
  ({ row }) => row?.kind ?? null,
  ({ row }) => row?.id ?? null,
  ({ row }) => row?.target ?? null,
  ({ row }) => row?.clientId ?? null,
  ({ row }) => row?.author ?? null,
  ({ row }) => row?.name ?? null,
  ({ row }) => row?.body ?? null,
  ({ row }) => row?.meta ?? null,
  ({ row }) => row?.replyTo ?? null,
  ({ row }) => (row?.mentions == null ? null : arrayLiteral(row.mentions)),
  ({ row }) => row?.at ?? null,
  ({ row }) => row?.deletedAt ?? null,
  ({ row }) => row?.prevEpoch ?? null,
  ({ row }) => row?.prevSeq ?? null,
];

/** `readAfter` holds exactly the partitions of the entries. */
export function batchParameters(readAfter: ReadonlyMap<number, EntryId>, entries: readonly PlacedRow[]): string[] {
  const read = [...readAfter];
  const dead = entries.flatMap(({ dead: letter }, index) =>
    letter === undefined ? [] : { ...letter, index: index + 1 },
  );
  return [
    arrayLiteral(read.map(([partition]) => partition)),
    arrayLiteral(read.map(([, { epoch }]) => epoch)),
    arrayLiteral(read.map(([, { number }]) => number)),
    arrayLiteral(entries.map(({ partition }) => partition)),
    arrayLiteral(entries.map(({ id }) => id.epoch)),
    arrayLiteral(entries.map(({ id }) => id.number)),
    ...COLUMNS.map((cell) => arrayLiteral(entries.map(cell))),
    arrayLiteral(dead.map(({ index }) => index)),
    arrayLiteral(dead.map(({ frame }) => Buffer.from(frame, "utf8").toString("base64"))),
    arrayLiteral(dead.map(({ reason }) => reason)),
  ];
}
