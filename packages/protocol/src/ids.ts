/**
 * The grammar of channel, client, message and user ids, of names and of mentions.
 * Decoder, token reading, api and broker keys rely on it: no id that passes holds `|`, which separates parts of keys,
 * but a user's, which therefore always comes last.
 */
import {
  MAX_CHANNEL_ID_CHARS,
  MAX_CLIENT_ID_CHARS,
  MAX_MENTION_CHARS,
  MAX_MENTIONS,
  MAX_NAME_CODE_POINTS,
  MAX_USER_ID_BYTES,
  MESSAGE_ID_CHARS,
  NAME_WINDOW_UNITS,
} from "./limits.ts";
import { composeName, hasBidiControl, isOver, isWellFormed, showsNothing } from "./text.ts";

export const CHANNEL_ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$";
export const CLIENT_ID_PATTERN = "^[A-Za-z0-9_-]{1,64}$";
export const MESSAGE_ID_PATTERN = "^[A-Za-z0-9_-]{21}$";
/** Channels between two users; only the server makes them. */
export const DIRECT_PREFIX = "dm:";

// Looking for what an id may not hold is quicker than matching the whole of it.
const NOT_IN_AN_ID = /[^A-Za-z0-9_-]/;
const NOT_IN_A_CHANNEL = /^[_.:-]|[^A-Za-z0-9_.:-]/;
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/;
const NOT_IN_A_NAME = /[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\p{Cs}]/gu;
/** Words of visible ASCII with one space between two: most names, and nothing in them can be cleaned. */
const PLAIN_NAME = /^[!-~]+(?: [!-~]+)*$/;
const WORD_WITH_AT = /(?:^|[^\p{L}\p{N}_@])@([A-Za-z0-9_.-]+)/gu;

/** Matches {@link CHANNEL_ID_PATTERN}. */
export function isChannelId(text: string): boolean {
  return text.length > 0 && text.length <= MAX_CHANNEL_ID_CHARS && !NOT_IN_A_CHANNEL.test(text);
}

/** Matches {@link CLIENT_ID_PATTERN}. */
export function isClientId(text: string): boolean {
  return text.length > 0 && text.length <= MAX_CLIENT_ID_CHARS && !NOT_IN_AN_ID.test(text);
}

/** Matches {@link MESSAGE_ID_PATTERN}. */
export function isMessageId(text: string): boolean {
  return text.length === MESSAGE_ID_CHARS && !NOT_IN_AN_ID.test(text);
}

/**
 * Of any value: text of 1 to 128 bytes of UTF-8, no control characters, no bidi overrides or isolates, no white space at either end, and
 * something that can be seen: an id is shown where its user has no name.
 */
export function isUserId(value: unknown): value is string {
  return typeof value === "string" && isUserIdText(value);
}

function isUserIdText(text: string): boolean {
  if (text.length > MAX_USER_ID_BYTES || isOver(text, MAX_USER_ID_BYTES)) return false;
  if (text.trim() !== text || CONTROLS.test(text) || hasBidiControl(text)) return false;
  return isWellFormed(text) && !showsNothing(text);
}

/**
 * A display name on one line, in NFC, at most 64 code points. Never refuses: what may not stand in a name is left out,
 * as are marks that are too many in a row. Empty when nothing is left that can be seen.
 */
export function cleanName(name: string): string {
  if (name === "" || (name.length <= MAX_NAME_CODE_POINTS && PLAIN_NAME.test(name))) return name;
  const line = name.slice(0, NAME_WINDOW_UNITS).replace(NOT_IN_A_NAME, "").replace(/\s+/g, " ").trim();
  const whole = composeName(line);
  const short =
    whole.length <= MAX_NAME_CODE_POINTS ? whole : Array.from(whole).slice(0, MAX_NAME_CODE_POINTS).join("").trim();
  return showsNothing(short) ? "" : short;
}

/**
 * The name to show for a user: what a claim or a field gives, cleaned. What is no text or leaves nothing gives the user
 * id, cleaned alike. A foreign issuer's long name is no reason to keep its owner out.
 */
export function displayName(given: unknown, user: string): string {
  return cleanName(typeof given === "string" ? given : "") || cleanName(user) || user;
}

/**
 * User ids mentioned in a body, each once, in order, at most 20. A full stop that ends a mention belongs to the
 * sentence; a run longer than 64 characters is no mention; `a@b` is an address.
 */
export function findMentions(body: string): string[] {
  if (!body.includes("@")) return [];
  const found = new Set<string>();
  for (const match of body.matchAll(WORD_WITH_AT)) {
    const id = withoutEndingStops(match[1] ?? "");
    if (id.length > 0 && id.length <= MAX_MENTION_CHARS) found.add(id);
    if (found.size === MAX_MENTIONS) break;
  }
  return [...found];
}

function withoutEndingStops(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === ".") end--;
  return text.slice(0, end);
}
