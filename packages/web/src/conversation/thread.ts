// The messages of a thread: those that answer its root, by what the channel shows, which is kept up to date, and by what was asked for.
import type { Message } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";

export interface Thread {
  /** Undefined while it is not loaded. */
  readonly root: Message | undefined;
  /** Ascending, each once. */
  readonly replies: readonly Message[];
}

export function threadOf(rootId: string, messages: readonly Message[], asked: readonly Message[]): Thread {
  const byId = new Map(asked.map((message) => [message.id, message]));
  for (const message of messages) if (message.replyTo === rootId) byId.set(message.id, message);
  return {
    root: messages.find(({ id }) => id === rootId),
    replies: [...byId.values()].toSorted(comparePositions),
  };
}
