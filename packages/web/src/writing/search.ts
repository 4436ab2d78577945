// Finds a text among messages, without regard to case and accents. Pure; remembers of each message how it reads plainly, since one
// who types asks again at every letter.
import type { Message } from "@rookery/client";
import { plain } from "./people.ts";

export interface Found {
  readonly message: Message;
  /** Of the body: what stands before, what was sought, what comes after. */
  readonly parts: readonly [before: string, found: string, after: string];
}

const plainly = new WeakMap<Message, string>();
const AROUND_CHARS = 80;

/** Newest first. */
export function find(messages: readonly Message[], sought: string, most: number): readonly Found[] {
  const part = plain(sought.trim());
  const found: Found[] = [];
  if (part === "") return found;
  for (let n = messages.length - 1; n >= 0 && found.length < most; n -= 1) {
    const message = messages[n];
    if (message?.body === undefined) continue;
    const text = plainly.get(message) ?? remember(message, message.body);
    const at = text.indexOf(part);
    if (at >= 0) found.push({ message, parts: partsOf(message.body, text, at, part.length) });
  }
  return found;
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
