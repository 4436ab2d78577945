// What Redis remembers of what has happened to a message: the texts in `acts` and `marks`, which the script of changes writes
// and everybody reads by these functions. Pure.
// A text of `acts` is lines: what the message is and the newest edit or the deletion, as JSON; the position of the last act;
// then `<count> <emoji>` for each emoji that stands, in the order in which they were first put.
import { ChatError, parsePosition } from "@rookery/protocol";
import type { Position, Since } from "@rookery/protocol";

/** The first line. Positions are written `<epoch>-<seq>`; times are in ms since the Unix epoch. */
export interface Told {
  /** Where it was deleted: then nothing is known of edits any more. */
  readonly d?: string;
  /** The newest edit, when it was made, and what it says. */
  readonly e?: string;
  readonly a?: number;
  readonly b?: string;
  /** How many edits there have been since all of them were saved. */
  readonly x?: number;
  /** A fingerprint of what a message says that was never edited. */
  readonly h?: string;
  /** Its position, the one it follows where that is of another epoch, author, clientId, author's name, time, and what it answers. */
  readonly p: string;
  readonly v?: string;
  readonly u: string;
  readonly c: string;
  readonly n: string;
  readonly t: number;
  readonly r?: string;
}

export interface Acts {
  readonly told: Told;
  readonly reactions: readonly { readonly emoji: string; readonly count: number }[];
}

/** The last word of a user on an emoji. */
export interface Mark {
  readonly on: boolean;
  readonly position: Position;
}

/** What stands in a text of `acts`. Throws ChatError `internal` for whatever our script did not write. */
export function parseActs(text: string): Acts {
  const [first = "", , ...counts] = text.split("\n");
  return { told: parseTold(first), reactions: counts.map(readCount) };
}

/** What has happened to the message with this id, as pages tell it. */
export function readActs(id: string, text: string): Since {
  const { told, reactions } = parseActs(text);
  if (told.d !== undefined) return { id, deleted: true };
  const position = parsePosition(told.e ?? "");
  const isEdited = position !== undefined && told.a !== undefined && told.b !== undefined;
  return {
    id,
    ...(isEdited && { edited: { position, at: told.a, body: told.b } }),
    ...(reactions.length > 0 && { reactions }),
  };
}

/** A value of `marks`: `<1 or 0>|<position>`; undefined for anything else. */
export function readMark(text: string | null | undefined): Mark | undefined {
  const [on, written = ""] = (text ?? "").split("|");
  const position = parsePosition(written);
  return position === undefined ? undefined : { on: on === "1", position };
}

function parseTold(text: string): Told {
  const value = parse(text);
  if (!isTold(value)) throw new ChatError("internal", "what Redis tells of a message is malformed");
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const TEXTS = ["p", "u", "c", "n"] as const;
const TEXTS_AT_TIMES = ["d", "e", "b", "h", "v", "r"] as const;

function isTold(value: unknown): value is Told {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const isOf = (type: string, name: string): boolean => typeof fields.get(name) === type;
  return (
    isOf("number", "t") &&
    TEXTS.every((name) => isOf("string", name)) &&
    TEXTS_AT_TIMES.every((name) => !fields.has(name) || isOf("string", name)) &&
    ["a", "x"].every((name) => !fields.has(name) || isOf("number", name))
  );
}

function readCount(line: string): { emoji: string; count: number } {
  const [, count, emoji] = /^(\d+) (.+)$/.exec(line) ?? [];
  if (count === undefined || emoji === undefined)
    throw new ChatError("internal", "what Redis tells of reactions is malformed");
  return { emoji, count: Number(count) };
}
