// A channel's messages as the rows that are drawn: day lines, groups of one person, the line of what is new, what is still being
// sent. Pure. Called for every change of a channel, with up to ten thousand messages: a row stays the same object while nothing about it
// changes, and no day is computed twice in a row.
import type { Message, Pending, Position } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import { dayOf } from "./times.ts";
import type { Day } from "./times.ts";

export type Row =
  | { readonly kind: "beginning" | "older" | "unread"; readonly key: string }
  | { readonly kind: "day"; readonly key: string; readonly at: number }
  | MessageRowData
  | {
      readonly kind: "pending";
      readonly key: string;
      readonly pending: Pending;
      readonly isFirstOfGroup: boolean;
    };

export interface MessageRowData {
  readonly kind: "message";
  readonly key: string;
  readonly message: Message;
  /** With face and name; the others follow the same person's within five minutes. */
  readonly isFirstOfGroup: boolean;
}

export interface RowsOf {
  readonly messages: readonly Message[];
  readonly pending: readonly Pending[];
  readonly hasOlder: boolean;
  /** The line of what is new stands before the first message of others behind it; none without. */
  readonly readUpTo: Position | undefined;
  readonly me: string;
  readonly nowMs: number;
}

const GROUP_MS = 5 * 60_000;

const firsts = new WeakMap<Message, MessageRowData>();
const followers = new WeakMap<Message, MessageRowData>();

export function rowsOf({ messages, pending, hasOlder, readUpTo, me, nowMs }: RowsOf): readonly Row[] {
  const rows: Row[] = [hasOlder ? { kind: "older", key: "older" } : { kind: "beginning", key: "beginning" }];
  const firstUnread = firstUnreadOf({ messages, hasOlder, readUpTo, me });
  let day: Day = { fromMs: 0, toMs: 0 };
  let last: Message | undefined;
  for (const message of messages) {
    if (message.at < day.fromMs || message.at >= day.toMs) {
      day = dayOf(message.at);
      rows.push({ kind: "day", key: `day ${message.id}`, at: message.at });
      last = undefined;
    }
    if (message === firstUnread) {
      rows.push({ kind: "unread", key: "unread" });
      last = undefined;
    }
    const isFirst = !last || last.user !== message.user || message.at - last.at > GROUP_MS;
    rows.push(rowOf(message, isFirst));
    last = message;
  }
  for (const [n, each] of pending.entries()) {
    const isFirst = n === 0 && !(last?.user === me && nowMs - last.at <= GROUP_MS);
    rows.push({ kind: "pending", key: `pending ${each.clientId}`, pending: each, isFirstOfGroup: isFirst });
  }
  return rows;
}

function rowOf(message: Message, isFirstOfGroup: boolean): MessageRowData {
  const made = isFirstOfGroup ? firsts : followers;
  const there = made.get(message);
  if (there) return there;
  const row = { kind: "message", key: message.id, message, isFirstOfGroup } as const;
  made.set(message, row);
  return row;
}

/** Undefined also where it is not loaded: what is loaded then begins behind what was read. */
export function firstUnreadOf({
  messages,
  hasOlder,
  readUpTo,
  me,
}: Omit<RowsOf, "pending" | "nowMs">): Message | undefined {
  const [oldest] = messages;
  if (!readUpTo || !oldest || (hasOlder && comparePositions(oldest, readUpTo) > 0)) return undefined;
  let from = messages.length;
  for (let before = messages[from - 1]; before && comparePositions(before, readUpTo) > 0; before = messages[from - 1]) {
    from--;
  }
  return messages.slice(from).find(({ user, deleted }) => user !== me && !deleted);
}
