/** One message with one more thing that has happened to it. Pure. */
import type { Message, Reaction } from "./public-types.ts";

/** The last word stands, whichever came here first; a deleted one stays empty. */
export function edited(message: Message, body: string | undefined, editedAt: number): Message {
  const isStale = message.deleted || editedAt < (message.editedAt ?? 0);
  return body === undefined || isStale ? message : { ...message, body, editedAt };
}

export function tombstone(message: Message): Message {
  const { body: _, meta: __, mentions: ___, reactions: ____, ...rest } = message;
  return { ...rest, deleted: true };
}

export function reacted(message: Message, emoji: string, on: boolean, isMine: boolean): Message {
  if (message.deleted) return message;
  const before = message.reactions ?? [];
  const found = before.find((each) => each.emoji === emoji) ?? { emoji, count: 0, mine: false };
  const now: Reaction = { emoji, count: found.count + (on ? 1 : -1), mine: isMine ? on : found.mine };
  const reactions = before.includes(found) ? before.map((each) => (each === found ? now : each)) : [...before, now];
  return { ...message, reactions: reactions.filter(({ count }) => count > 0) };
}

export function answered(message: Message, by: 1 | -1): Message {
  return { ...message, replies: Math.max(0, (message.replies ?? 0) + by) };
}
