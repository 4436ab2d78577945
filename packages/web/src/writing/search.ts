// Finds a text among messages, without regard to case and accents. Pure; remembers of each message how it reads plainly, since one
// who types asks again at every letter. Goes on in strides, so that ten thousand long messages hold nobody up.
import type { Message } from "@rookery/client";
import { plain } from "./people.ts";

export interface Found {
  readonly message: Message;
  /** Of the body: what stands before, what was sought, what comes after. */
  readonly parts: readonly [before: string, found: string, after: string];
}

/** How far a search has come. */
export interface Search {
  /** Newest first. */
  readonly found: readonly Found[];
  /** How many messages are still to be looked at, the older ones. */
  readonly left: number;
}

const plainly = new WeakMap<Message, string>();
const AROUND_CHARS = 80;
/** A few milliseconds' worth on a slow phone. */
const STRIDE_CHARS = 50_000;
/** A text that is known is looked through that much faster than one that has to be made plain. */
const KNOWN_SHARE = 1 / 32;

export function beginSearch(messages: readonly Message[], sought: string): Search {
  return { found: [], left: sought.trim() === "" ? 0 : messages.length };
}

/** One stride further; at its end once nothing is left, or enough was found. */
export function searchOn({ found, left }: Search, messages: readonly Message[], sought: string, most: number): Search {
  const part = plain(sought.trim());
  const more: Found[] = [...found];
  let n = left;
  for (let chars = 0; n > 0 && chars < STRIDE_CHARS && more.length < most; n -= 1) {
    const message = messages[n - 1];
    if (message?.body === undefined) continue;
    const known = plainly.get(message);
    const text = known ?? remember(message, message.body);
    chars += text.length * (known === undefined ? 1 : KNOWN_SHARE) + 1;
    const at = text.indexOf(part);
    if (at >= 0) more.push({ message, parts: partsOf(message.body, text, at, part.length) });
  }
  return { found: more, left: more.length < most ? n : 0 };
}

function remember(message: Message, body: string): string {
  const text = plain(body);
  plainly.set(message, text);
  return text;
}

/** Where a plain text has other positions than the body, by its accents, nothing of the body is marked. */
function partsOf(body: string, text: string, at: number, length: number): Found["parts"] {
  if (text.length !== body.length) return [body.slice(0, 2 * AROUND_CHARS), "", ""];
  const from = Math.max(0, at - AROUND_CHARS);
  const before = `${from > 0 ? "…" : ""}${body.slice(from, at)}`;
  return [before, body.slice(at, at + length), body.slice(at + length, at + length + AROUND_CHARS)];
}
