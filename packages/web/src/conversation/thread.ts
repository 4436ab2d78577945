// The messages of a thread: those that answer its root, by what the channel shows, which is kept up to date, and by what was asked for.
// Pure.
import type { Message } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import { GROUP_MS } from "./rows.ts";

export interface Thread {
  /** Undefined while it is not loaded. */
  readonly root: Message | undefined;
  /** Ascending, each once. */
  readonly replies: readonly Message[];
}

export function threadOf(rootId: string, messages: readonly Message[], asked: readonly Message[]): Thread {
  return {
    root: messages.find(({ id }) => id === rootId),
    replies: joined(
      asked,
      messages.filter(({ replyTo }) => replyTo === rootId),
    ),
  };
}

/** Ascending, each once, as it is among the newer. */
export function joined(older: readonly Message[], newer: readonly Message[]): readonly Message[] {
  const byId = new Map([...older, ...newer].map((message) => [message.id, message]));
  return [...byId.values()].toSorted(comparePositions);
}

/** Whether it is drawn with face and name: the others follow the same person's within five minutes. */
export function beginsGroup({ user, at }: Message, before: Message | undefined): boolean {
  return before === undefined || before.user !== user || at - before.at > GROUP_MS;
}

/** Its root counts those that are there and not deleted, loaded or not; where nobody knows the root, there may be more. */
export function repliesLine({ root, replies }: Thread, more: boolean): string {
  const count = Math.max(root?.replies ?? 0, replies.filter(({ deleted }) => !deleted).length);
  if (count === 0) return more ? "Replies" : "No replies yet";
  if (more && root?.replies === undefined) return `More than ${count} replies`;
  return count === 1 ? "1 reply" : `${count} replies`;
}
