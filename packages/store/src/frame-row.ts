// From an announced frame to its row: the way back of message-row.ts. Called by the persister for every entry of the outbox and
// for dead letters that are tried again. Pure; must never throw: a frame that cannot be stored becomes one that says why.
import { ChatError, parseMessageFrame, parseSequencedFrame, samePosition } from "@rookery/protocol";
import type { FullMessageFrame, Position, SequencedFrame, SequencedType } from "@rookery/protocol";
import type { UnreadableRow } from "./batch.ts";
import { changeId } from "./message-row.ts";
import type { MessageRow } from "./message-row.ts";

/** A frame with where its entry says that it stands. */
export interface PlacedFrame {
  readonly channel: string;
  readonly position: Position;
  /** On the first of an epoch: the position it follows. */
  readonly prev?: Position | undefined;
  readonly frame: string;
}

type ChangeFrame = Exclude<SequencedFrame, { readonly type: "message" }>;

export function messageRow(placed: PlacedFrame): MessageRow | UnreadableRow {
  const message = read(placed, parseMessageFrame);
  return "fault" in message ? unreadable(message.fault) : rowOfMessage(placed, message);
}

/** An edit, a deletion or a reaction: a row of its own, which names its message. */
export function changeRow(placed: PlacedFrame, kind: Exclude<SequencedType, "message">): MessageRow | UnreadableRow {
  const change = read(placed, parseSequencedFrame);
  if ("fault" in change) return unreadable(change.fault);
  if (change.type !== kind) return unreadable("the frame is of another type than its entry");
  return rowOfChange(placed, change);
}

/** Of a frame that nobody says the kind of. `prev` is the frame's own. */
export function letterRow(placed: Omit<PlacedFrame, "prev">): MessageRow | UnreadableRow {
  const frame = read(placed, parseSequencedFrame);
  if ("fault" in frame) return unreadable(frame.fault);
  const whole = { ...placed, prev: frame.prev };
  if (frame.type !== "message") return rowOfChange(whole, frame);
  if (frame.body === undefined) return unreadable("the message has no body");
  return rowOfMessage(whole, { ...frame, body: frame.body });
}

/** What rows have in common that are no message with its text. */
export function bareRow(channel: string, { position, prev }: Pick<PlacedFrame, "position" | "prev">) {
  const none = { target: null, clientId: null, name: null, body: null, meta: null, replyTo: null, mentions: null };
  const link = { prevEpoch: prev?.epoch ?? null, prevSeq: prev?.seq ?? null };
  return { channel, ...position, ...none, ...link, deletedAt: null, emoji: null, standing: null };
}

export function unreadable(fault: string): UnreadableRow {
  return { kind: "unreadable", fault };
}

function rowOfMessage({ channel, position, prev }: PlacedFrame, message: FullMessageFrame): MessageRow {
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
    emoji: null,
    standing: null,
  };
}

function rowOfChange(placed: PlacedFrame, change: ChangeFrame): MessageRow {
  return {
    ...bareRow(placed.channel, placed),
    kind: change.type,
    id: changeId(placed.position),
    target: change.id,
    author: change.user,
    body: change.type === "edited" ? (change.body ?? null) : null,
    at: change.at,
    emoji: change.type === "reaction" ? change.emoji : null,
    standing: change.type === "reaction" ? change.on : null,
  };
}

/** The entry's own fields decide where it stands; a frame that says otherwise was announced with another position. */
function read<Frame extends SequencedFrame>(
  { channel, position, frame: text }: PlacedFrame,
  parse: (text: string) => Frame,
): Frame | { readonly fault: string } {
  try {
    const frame = parse(text);
    if (frame.channel !== channel) return { fault: "the frame names another channel than its entry" };
    if (!samePosition(frame, position)) return { fault: "the frame stands at another position than its entry" };
    return frame;
  } catch (error) {
    return { fault: error instanceof ChatError ? error.message : "the frame cannot be read" };
  }
}
