// From an entry of the outbox to a row of `messages`. The only place where a frame is parsed on its way. Pure; must never
// throw: an entry that says nothing storable becomes one that says why.
import type { OutboxEntry } from "@rookery/broker";
import { ChatError, parseMessageFrame, samePosition } from "@rookery/protocol";
import type { FullMessageFrame } from "@rookery/protocol";
import type { BatchEntry, MessageRow, UnreadableRow } from "@rookery/store";

export function toBatchEntry(entry: OutboxEntry): BatchEntry {
  const { partition, id, channel, position, frame, fault } = entry;
  return {
    partition,
    id,
    channel,
    position,
    frame,
    row: fault === undefined ? toRow(entry) : { kind: "unreadable", fault },
  };
}

function toRow({ channel, position, frame, prev }: OutboxEntry): MessageRow | UnreadableRow {
  const message = read(frame);
  if ("fault" in message) return message;
  // The entry's own fields decide where it stands; a frame that says otherwise was announced with another place.
  if (message.channel !== channel)
    return { kind: "unreadable", fault: "the frame names another channel than its entry" };
  if (!samePosition(message, position))
    return { kind: "unreadable", fault: "the frame stands at another place than its entry" };
  return {
    channel,
    ...position,
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

function read(frame: string): FullMessageFrame | UnreadableRow {
  try {
    return parseMessageFrame(frame);
  } catch (error) {
    return { kind: "unreadable", fault: error instanceof ChatError ? error.message : "the frame cannot be read" };
  }
}
