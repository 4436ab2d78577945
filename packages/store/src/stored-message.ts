// What Postgres tells of a message besides its frame: what has happened to it since it was sent. Rows as the statements of
// messages.ts give them, and what is made of them. Pure.
import type { EmojiCount, OwnReaction, Position, Since, StoredFrame, StoredMessage } from "@rookery/protocol";
import { renderRow } from "./message-row.ts";
import type { MessageRow } from "./message-row.ts";

/** A row of message-find.sql. */
export interface FoundRow extends Pick<
  MessageRow,
  "epoch" | "seq" | "author" | "clientId" | "name" | "at" | "replyTo"
> {
  readonly body: string | null;
  readonly deletedAt: number | null;
  readonly goneEpoch: number | null;
  readonly goneSeq: number | null;
  readonly editEpoch: number | null;
  readonly editSeq: number | null;
  readonly reactions: readonly EmojiCount[] | null;
  readonly own: readonly SaidRow[] | null;
}

export interface SaidRow extends Position {
  readonly emoji: string;
  readonly on: boolean;
}

/** A message as the statements that read backward give it. */
export interface SinceRow extends MessageRow {
  readonly editedAt: number | null;
  readonly editEpoch: number | null;
  readonly editSeq: number | null;
  readonly reactions: readonly EmojiCount[] | null;
  readonly replies: number;
}

export function toOwn({ emoji, on, epoch, seq }: SaidRow): OwnReaction {
  return { emoji, on, position: { epoch, seq } };
}

export function toStoredMessage(row: FoundRow): StoredMessage {
  const position = { epoch: row.epoch, seq: row.seq };
  const isDeleted = row.deletedAt !== null;
  const edited = positionOf(row.editEpoch, row.editSeq);
  return {
    position,
    user: row.author,
    clientId: row.clientId ?? "",
    name: row.name ?? "",
    at: row.at,
    ...(row.replyTo === null ? {} : { replyTo: row.replyTo }),
    ...(isDeleted || row.body === null ? {} : { body: row.body }),
    ...(isDeleted ? { deleted: positionOf(row.goneEpoch, row.goneSeq) ?? position } : {}),
    ...(edited === undefined ? {} : { edited }),
    reactions: row.reactions ?? [],
    own: (row.own ?? []).map(toOwn),
  };
}

/** The frame of a message that is read backward, with what happened to it where anything did. */
export function renderSince(row: SinceRow): StoredFrame {
  const frame = renderRow(row);
  const since = sinceOf(row);
  return since === undefined ? frame : { ...frame, since };
}

function sinceOf(row: SinceRow): Since | undefined {
  const edited = row.deletedAt === null ? editOf(row) : undefined;
  const since: Since = {
    id: row.id,
    ...(edited === undefined ? {} : { edited }),
    ...(row.deletedAt === null ? {} : { deleted: true }),
    ...(row.reactions === null ? {} : { reactions: row.reactions }),
    ...(row.replies === 0 ? {} : { replies: row.replies }),
  };
  return Object.keys(since).length === 1 ? undefined : since;
}

function editOf({ editedAt, body, editEpoch, editSeq }: SinceRow): Since["edited"] {
  const position = positionOf(editEpoch, editSeq);
  return position === undefined || editedAt === null || body === null ? undefined : { position, at: editedAt, body };
}

function positionOf(epoch: number | null, seq: number | null): Position | undefined {
  return epoch === null || seq === null ? undefined : { epoch, seq };
}
