// One row of `messages`, and the frame it stands for. The row keeps every field of the frame, so that frame -> row ->
// frame gives the same text. Used by the readers here and, for writing, by the persister. Pure.
import { messageHalves, renderFrame } from "@rookery/protocol";
import type { Meta, StoredFrame } from "@rookery/protocol";

/** Columns of `messages`. Times in ms since the Unix epoch; null where the frame has no such field. */
export interface MessageRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly kind: "message";
  readonly id: string;
  readonly target: string | null;
  readonly clientId: string | null;
  readonly author: string;
  readonly name: string | null;
  readonly body: string | null;
  /** JSON text, kept as it was written. */
  readonly meta: string | null;
  readonly replyTo: string | null;
  readonly mentions: readonly string[] | null;
  readonly at: number;
  readonly deletedAt: number | null;
  /** With prevSeq, on the first row of an epoch: the position it follows. */
  readonly prevEpoch: number | null;
  readonly prevSeq: number | null;
}

/** The frame of a row. A deleted one keeps its position and shows neither body nor meta. */
export function renderRow(row: MessageRow): StoredFrame {
  const { channel, id, epoch, seq, at } = row;
  const halves = messageHalves({
    channel,
    id,
    clientId: row.clientId ?? "",
    user: row.author,
    name: row.name ?? "",
    body: row.body ?? undefined,
    replyTo: row.replyTo ?? undefined,
    meta: row.meta === null ? undefined : readMeta(row.meta),
    mentions: row.mentions ?? undefined,
    deleted: row.deletedAt !== null,
  });
  const position = { epoch, seq };
  if (row.prevEpoch === null || row.prevSeq === null)
    return { position, frame: renderFrame(halves, { epoch, seq, at }) };
  const prev = { epoch: row.prevEpoch, seq: row.prevSeq };
  return { position, prev, frame: renderFrame(halves, { epoch, seq, at, prev }) };
}

/** Checked when it was written; another writer's nonsense is left out rather than shown. */
function readMeta(text: string): Meta | undefined {
  const value: unknown = JSON.parse(text);
  return isMeta(value) ? value : undefined;
}

function isMeta(value: unknown): value is Meta {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((field) => ["string", "number", "boolean"].includes(typeof field));
}
