// One row of `messages`, and the frame it stands for. The row keeps every field of the frame, so that frame -> row ->
// frame gives the same text. Used by the readers here and, for writing, by the persister. Pure.
import { deletedHalves, editedHalves, messageHalves, reactionHalves, renderFrame } from "@rookery/protocol";
import type { FrameHalves, Meta, SequencedType, StoredFrame } from "@rookery/protocol";

/** Columns of `messages`. Times in ms since the Unix epoch; null where the frame has no such field. */
export interface MessageRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly kind: SequencedType;
  /** Of the message; of a change one that no message has, see changeId. */
  readonly id: string;
  /** Of a change: id of the message. */
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
  /** Of a reaction, with `standing`: whether it was put or taken back. */
  readonly emoji: string | null;
  readonly standing: boolean | null;
}

/** The id of a change's own row: ids of messages have no @. */
export function changeId({ epoch, seq }: { readonly epoch: number; readonly seq: number }): string {
  return `@${epoch}-${seq}`;
}

const HALVES: Readonly<Record<SequencedType, (row: MessageRow) => FrameHalves>> = {
  message: (row) =>
    messageHalves({
      channel: row.channel,
      id: row.id,
      clientId: row.clientId ?? "",
      user: row.author,
      name: row.name ?? "",
      body: row.body ?? undefined,
      replyTo: row.replyTo ?? undefined,
      meta: row.meta === null ? undefined : readMeta(row.meta),
      mentions: row.mentions ?? undefined,
      deleted: row.deletedAt !== null,
    }),
  edited: (row) => editedHalves({ ...changeOf(row), body: row.body ?? undefined }),
  deleted: (row) => deletedHalves(changeOf(row)),
  reaction: (row) => reactionHalves({ ...changeOf(row), emoji: row.emoji ?? "", on: row.standing === true }),
};

/** The frame of a row. A deleted message keeps its position and shows neither body nor meta, and no edit of it its body. */
export function renderRow(row: MessageRow): StoredFrame {
  const { epoch, seq, at } = row;
  const halves = HALVES[row.kind](row);
  const position = { epoch, seq };
  if (row.prevEpoch === null || row.prevSeq === null)
    return { position, frame: renderFrame(halves, { epoch, seq, at }) };
  const prev = { epoch: row.prevEpoch, seq: row.prevSeq };
  return { position, prev, frame: renderFrame(halves, { epoch, seq, at, prev }) };
}

function changeOf({ channel, target, author }: MessageRow): { channel: string; id: string; user: string } {
  return { channel, id: target ?? "", user: author };
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
