// From an entry of the outbox to what Postgres is to have of it, by a table of kinds. The only place where a frame is
// parsed on its way. Pure; must never throw: an entry that says nothing storable becomes one that says why.
import type { MessageEntry } from "@rookery/broker";
import { ChatError, parseMessageFrame, samePosition } from "@rookery/protocol";
import type { FullMessageFrame } from "@rookery/protocol";
import type { BatchEntry, MessageRow, UnreadableRow } from "@rookery/store";
import type { FreeEntry } from "./holds.ts";

type Row = BatchEntry["row"];
type EntryOf = { readonly [Kind in FreeEntry["kind"]]: Extract<FreeEntry, { kind: Kind }> };

const ROWS: { readonly [Kind in keyof EntryOf]: (entry: EntryOf[Kind]) => Row } = {
  message: messageRow,
  malformed: ({ fault }) => unreadable(fault),
};

export function toBatchEntry(entry: FreeEntry): BatchEntry {
  const { partition, id, channel, position, frame } = entry;
  return { partition, id, channel, position, frame, row: rowOf(entry.kind, entry) };
}

function rowOf<Kind extends keyof EntryOf>(kind: Kind, entry: EntryOf[Kind]): Row {
  return ROWS[kind](entry);
}

function messageRow({ channel, position, frame, prev }: MessageEntry): MessageRow | UnreadableRow {
  const message = read(frame);
  if ("fault" in message) return unreadable(message.fault);
  // The entry's own fields decide where it stands; a frame that says otherwise was announced with another position.
  if (message.channel !== channel) return unreadable("the frame names another channel than its entry");
  if (!samePosition(message, position)) return unreadable("the frame stands at another position than its entry");
  // Nothing is spread into it: this runs for every message, and a spread costs more than all these fields.
  return {
    channel,
    epoch: position.epoch,
    seq: position.seq,
    kind: "message",
    id: message.id,
    target: null,
    clientId: message.clientId,
    author: message.user,
    name: message.name,
    body: message.body,
    meta: message.meta === undefined ? null : JSON.stringify(message.meta),
    replyTo: message.replyTo ?? null,
    mentions: message.mentions ?? null,
    at: message.at,
    deletedAt: null,
    prevEpoch: prev?.epoch ?? null,
    prevSeq: prev?.seq ?? null,
  };
}

function read(frame: string): FullMessageFrame | { readonly fault: string } {
  try {
    return parseMessageFrame(frame);
  } catch (error) {
    return { fault: error instanceof ChatError ? error.message : "the frame cannot be read" };
  }
}

function unreadable(fault: string): UnreadableRow {
  return { kind: "unreadable", fault };
}
