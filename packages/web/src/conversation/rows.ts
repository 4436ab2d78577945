// A channel's messages as the rows that are drawn: day lines, groups of one person, the line of what is new, what is still being
// sent. Pure but for the memory of what it made last: it is asked for every change of a channel, with ten thousand messages, and makes
// rows for what has changed alone. A row stays the same object while nothing about it changes.
import type { Message, Pending, Position } from "@rookery/client";
import { comparePositions } from "@rookery/protocol/wire";
import { sharedEnds } from "./shared-ends.ts";
import { dayOf } from "./times.ts";

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

export const GROUP_MS = 5 * 60_000;

interface Made extends Pick<RowsOf, "messages"> {
  /** All but what is being sent. */
  readonly rows: readonly Row[];
  /** Of each message, its row's index. */
  readonly at: readonly number[];
  readonly firstUnread: Message | undefined;
}

const NOTHING: Made = { messages: [], rows: [], at: [], firstUnread: undefined };
const OLDER: Row = { kind: "older", key: "older" };
const BEGINNING: Row = { kind: "beginning", key: "beginning" };
const UNREAD: Row = { kind: "unread", key: "unread" };

export function createRows(): (of: RowsOf) => readonly Row[] {
  let made = NOTHING;
  return (of) => {
    made = makeRows(of, made);
    return [...made.rows, ...pendingRows(of)];
  };
}

/** Of a message, what precedes it decides how it is drawn: rows behind a change are made again for one message, and then kept. */
function makeRows(of: RowsOf, before: Made): Made {
  const { messages } = of;
  const firstUnread = firstUnreadOf(of);
  const isOther = firstUnread !== before.firstUnread;
  const shared = isOther ? { first: 0, last: 0 } : sharedEnds(before.messages, messages);
  const rows = [of.hasOlder ? OLDER : BEGINNING, ...before.rows.slice(1, (before.at[shared.first - 1] ?? 0) + 1)];
  const at = before.at.slice(0, shared.first);
  const end = Math.min(messages.length, messages.length - shared.last + 1);
  let last = messages[shared.first - 1];
  let day = last && dayOf(last.at);
  for (const message of messages.slice(shared.first, end)) {
    if (!day || message.at < day.fromMs || message.at >= day.toMs) {
      day = dayOf(message.at);
      rows.push({ kind: "day", key: `day ${message.id}`, at: message.at });
      last = undefined;
    }
    if (message === firstUnread) {
      rows.push(UNREAD);
      last = undefined;
    }
    const isFirstOfGroup = !last || last.user !== message.user || message.at - last.at > GROUP_MS;
    at.push(rows.length);
    rows.push({ kind: "message", key: message.id, message, isFirstOfGroup });
    last = message;
  }
  const keptFrom = end - messages.length + before.messages.length;
  const shift = rows.length - 1 - (before.at[keptFrom - 1] ?? 0);
  const kept = end < messages.length ? before.at.slice(keptFrom).map((index) => index + shift) : [];
  const keptRows = kept.length > 0 ? before.rows.slice((before.at[keptFrom - 1] ?? 0) + 1) : [];
  return { messages, rows: [...rows, ...keptRows], at: [...at, ...kept], firstUnread };
}

function pendingRows({ messages, pending, me, nowMs }: RowsOf): readonly Row[] {
  const last = messages.at(-1);
  const isFollower = last?.user === me && nowMs - last.at <= GROUP_MS;
  return pending.map((each, n) => {
    const isFirstOfGroup = n === 0 && !isFollower;
    return { kind: "pending", key: `pending ${each.clientId}`, pending: each, isFirstOfGroup };
  });
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
