// What stands in the outbox, as the persister reads it: told apart by kind here, found by outbox-reader.ts, handed on by
// outbox.ts. Pure; must never throw over what an entry holds, since one that nobody can read must not stop the reader.
// A further kind is an ordinal in KINDS and a reader in READERS; the row it becomes is the persister's.
import { ORIGIN, parsePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { EntryId } from "./entry-id.ts";
import { fieldOf } from "./log.ts";
import { parseRemovedMessage } from "./removed-message.ts";
import type { RemovedMessage } from "./removed-message.ts";

/** The kinds that this build makes rows of. Ordinals only grow: whoever understands one understands those below it. */
const KINDS = { message: 1, edited: 2, deleted: 3, reaction: 4, audit: 5 } as const;
type KnownKind = keyof typeof KINDS;

/** What a persister of this build says of itself, see NodeRecord.kinds. */
export const NEWEST_KIND: number = Math.max(...Object.values(KINDS));

interface At {
  readonly partition: number;
  readonly id: EntryId;
}

/** What has a position waits for Postgres. `prev` stands only on the first of an epoch that follows another. */
interface Sequenced extends At {
  readonly channel: string;
  readonly position: Position;
  readonly prev?: Position | undefined;
  /** finished JSON */
  readonly frame: string;
  /** bytes ever put into this outbox, this entry included */
  readonly cumulativeBytes: number;
  /** Counted while it waits, see keys.ts of `held`: for whom, and how many bytes. */
  readonly counted?: { readonly user: string; readonly bytes: number } | undefined;
}

export interface MessageEntry extends Sequenced {
  readonly kind: "message";
}

export interface EditedEntry extends Sequenced {
  readonly kind: "edited";
}

export interface ReactionEntry extends Sequenced {
  readonly kind: "reaction";
}

export interface DeletedEntry extends Sequenced {
  readonly kind: "deleted";
  /**
   * The message, then those of its edits that were taken out of the log with it, the newest first. Whatever of it still
   * waited was taken out of the outbox too, so its row may never come.
   */
  readonly removed: readonly [RemovedMessage, ...RemovedEdit[]];
}

export interface RemovedEdit {
  readonly kind: "edited";
  readonly position: Position;
  readonly prev?: Position | undefined;
  /** Of the message. */
  readonly id: string;
  readonly user: string;
  readonly at: number;
}

/** What happened, see audit.ts: in no channel's line, so without a position. */
export interface AuditEntry extends At {
  readonly kind: "audit";
  readonly channel: "";
  readonly position: Position;
  /** The record with its time, JSON. */
  readonly frame: string;
  readonly cumulativeBytes: number;
  /** Bytes of records that were noted, up to and with this one; undefined of one that came with an announcement. */
  readonly auditedBytes: number | undefined;
  readonly counted?: undefined;
}

/** Well-formed and of a kind that a newer build put there: not this build's to judge, nor to pass. */
export interface UnknownEntry extends At {
  readonly kind: "unknown";
  /** What it says it is: at most 32 of a-z and _. */
  readonly name: string;
}

/** What no build can read: channel may be "" and position ORIGIN, and `frame` is whatever the entry holds. */
export interface MalformedEntry extends At {
  readonly kind: "malformed";
  /** Why, without the frame's text. */
  readonly fault: string;
  readonly channel: string;
  readonly position: Position;
  readonly frame: string;
  readonly counted?: { readonly user: string; readonly bytes: number } | undefined;
}

/** Edits, deletions and reactions. */
export type ChangeEntry = EditedEntry | DeletedEntry | ReactionEntry;

export type OutboxEntry = MessageEntry | ChangeEntry | AuditEntry | UnknownEntry | MalformedEntry;

/** What every entry carries, whatever its kind and whichever build wrote it. */
const KIND_NAME = /^[a-z][a-z_]{0,31}$/;
const WHOLE_NUMBER = /^\d+$/;
const MOST_KIND_CHARS = 32;

/** Undefined for one that lacks what its kind must have. */
type Reader<Entry> = (at: At, fields: readonly string[], cumulativeBytes: number) => Entry | undefined;

const READERS = {
  message: readMessage,
  edited: (at, fields, bytes) => withKind("edited", at, fields, bytes),
  deleted: readDeleted,
  reaction: (at, fields, bytes) => withKind("reaction", at, fields, bytes),
  audit: readAudit,
} satisfies { [Kind in KnownKind]: Reader<OutboxEntry & { kind: Kind }> };

/** The entry of a stream's row. */
export function readEntry(partition: number, id: EntryId, fields: readonly string[]): OutboxEntry {
  const at = { partition, id };
  const name = fieldOf(fields, "k") ?? "";
  const bytes = fieldOf(fields, "b") ?? "";
  if (!KIND_NAME.test(name) || !WHOLE_NUMBER.test(bytes)) return malformed(at, fields, name);
  if (!isKnown(name)) return { ...at, kind: "unknown", name };
  return READERS[name](at, fields, Number(bytes)) ?? malformed(at, fields, name);
}

function isKnown(name: string): name is KnownKind {
  return Object.hasOwn(KINDS, name);
}

function readMessage(at: At, fields: readonly string[], cumulativeBytes: number): MessageEntry | undefined {
  const { channel, position } = positionOf(fields);
  if (position === undefined) return undefined;
  const prev = fieldOf(fields, "v");
  // Of one shape, and nothing spread into it: this runs for every message, and a spread costs more than all its fields.
  return {
    kind: "message",
    partition: at.partition,
    id: at.id,
    channel,
    position,
    prev: prev === undefined ? undefined : parsePosition(prev),
    frame: frameOf(fields),
    cumulativeBytes,
    counted: countedOf(fields),
  };
}

function withKind<Kind extends ChangeEntry["kind"]>(
  kind: Kind,
  at: At,
  fields: readonly string[],
  cumulativeBytes: number,
): (Sequenced & { readonly kind: Kind }) | undefined {
  const message = readMessage(at, fields, cumulativeBytes);
  return message === undefined ? undefined : { ...message, kind };
}

function readDeleted(at: At, fields: readonly string[], cumulativeBytes: number): DeletedEntry | undefined {
  const deleted = withKind("deleted", at, fields, cumulativeBytes);
  const message = parseRemovedMessage(fieldOf(fields, "t") ?? "");
  if (deleted === undefined || message === undefined) return undefined;
  const edits = (fieldOf(fields, "e") ?? "").split(",").flatMap((text) => readRemovedEdit(message, text));
  return { ...deleted, removed: [message, ...edits] };
}

/** `<position>|<at>|<position it follows, or "">`, as take-out.lua writes it. */
function readRemovedEdit({ id, user }: RemovedMessage, text: string): RemovedEdit[] {
  const [written = "", sentAt, follows = ""] = text.split("|");
  const position = parsePosition(written);
  return position === undefined
    ? []
    : [{ kind: "edited", position, prev: parsePosition(follows), id, user, at: Number(sentAt) }];
}

function readAudit(at: At, fields: readonly string[], cumulativeBytes: number): AuditEntry | undefined {
  const frame = fieldOf(fields, "f");
  const audited = fieldOf(fields, "a");
  const auditedBytes = audited === undefined ? undefined : Number(audited);
  if (frame === undefined) return undefined;
  return { ...at, kind: "audit", channel: "", position: ORIGIN, frame, cumulativeBytes, auditedBytes };
}

function malformed(at: At, fields: readonly string[], name: string): MalformedEntry {
  const { channel, position = ORIGIN } = positionOf(fields);
  const fault = `an entry of kind "${name.slice(0, MOST_KIND_CHARS)}" that is not understood`;
  return { ...at, kind: "malformed", fault, channel, position, frame: frameOf(fields), counted: countedOf(fields) };
}

function positionOf(fields: readonly string[]): { channel: string; position: Position | undefined } {
  const channel = fieldOf(fields, "c") ?? "";
  return { channel, position: channel === "" ? undefined : parsePosition(fieldOf(fields, "p") ?? "") };
}

function frameOf(fields: readonly string[]): string {
  return fieldOf(fields, "f") ?? fields.join(" ");
}

function countedOf(fields: readonly string[]): MessageEntry["counted"] {
  const user = fieldOf(fields, "u");
  return user === undefined ? undefined : { user, bytes: Number(fieldOf(fields, "n") ?? "0") };
}
