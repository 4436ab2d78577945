/**
 * One reader for each kind of field a client may send (FIELD_KIND in fields.ts): takes the parsed value and gives back
 * the value to go on with, cleaned where it is text, or one of three verdicts. Called by the decoder for every field.
 * Readers must never throw, and never look at anything but their value and the limits.
 */
import { isChannelId, isClientId, isMessageId } from "./ids.ts";
import {
  type FrameLimits,
  MAX_CURSOR_BYTES,
  MAX_EMOJI_BYTES,
  MAX_KEYS,
  MAX_PASSWORD_BYTES,
  MAX_REF_CHARS,
  MAX_TOKEN_BYTES,
} from "./limits.ts";
import { numbersSurvive } from "./exact-numbers.ts";
import { isForbiddenKey, isJsonObject } from "./shape.ts";
import { cleanText, isOver, isWellFormed, showsNothing, utf8Bytes } from "./text.ts";

/** Verdicts of a reader: symbols, since no parsed JSON is one. They stand for `bad_frame`, `invalid`, `too_large`. */
export const WRONG_TYPE = Symbol("wrong type");
export const NOT_ALLOWED = Symbol("not allowed");
export const TOO_LARGE = Symbol("too large");

/** What readers of one frame share. `plain`: every string in the frame is printable ASCII, so text needs no look. */
export interface Reading {
  plain: boolean;
  /** The JSON that was parsed, for what parsing forgets; undefined where no more than the value came. */
  source: string | undefined;
  readonly limits: FrameLimits;
}

export type Reader = (value: unknown, reading: Reading) => unknown;

// Three readers instead of one that takes the test as an argument: that call would be megamorphic in every frame.
function readChannel(value: unknown): unknown {
  return typeof value !== "string" ? WRONG_TYPE : isChannelId(value) ? value : NOT_ALLOWED;
}

function readClientId(value: unknown): unknown {
  return typeof value !== "string" ? WRONG_TYPE : isClientId(value) ? value : NOT_ALLOWED;
}

function readMessageId(value: unknown): unknown {
  return typeof value !== "string" ? WRONG_TYPE : isMessageId(value) ? value : NOT_ALLOWED;
}

/** Any string of 1 to 64 code points, which are at most two units each. */
function readRef(value: unknown): unknown {
  if (typeof value !== "string") return WRONG_TYPE;
  if (value.length <= MAX_REF_CHARS) return value.length > 0 ? value : NOT_ALLOWED;
  return value.length <= 2 * MAX_REF_CHARS && Array.from(value).length <= MAX_REF_CHARS ? value : NOT_ALLOWED;
}

/** Text that is used as it came, such as a password: only its size and its UTF-16 are looked at. */
function opaque(maxBytes: number): Reader {
  return (value, { plain }) => {
    if (typeof value !== "string") return WRONG_TYPE;
    if (plain) return value.length <= maxBytes ? value : NOT_ALLOWED;
    return !isOver(value, maxBytes) && isWellFormed(value) ? value : NOT_ALLOWED;
  };
}

function wholeFrom(min: number): Reader {
  return (value) => {
    if (typeof value !== "number") return WRONG_TYPE;
    return Number.isSafeInteger(value) && value >= min ? value : NOT_ALLOWED;
  };
}

/** Its size first, so that no pass over the text is longer than it may be; then once more, since NFC can lengthen it. */
function readBody(value: unknown, { plain, limits }: Reading): unknown {
  if (typeof value !== "string") return WRONG_TYPE;
  if (plain) return value.length === 0 ? NOT_ALLOWED : value.length > limits.bodyBytes ? TOO_LARGE : value;
  if (isOver(value, limits.bodyBytes)) return TOO_LARGE;
  const clean = cleanText(value);
  if (clean.kind === "refusal" || clean.text === "") return NOT_ALLOWED;
  return isOver(clean.text, limits.bodyBytes) ? TOO_LARGE : clean.text;
}

function readMetaValue(value: unknown, plain: boolean): unknown {
  if (typeof value === "string") {
    if (plain) return value;
    const clean = cleanText(value);
    return clean.kind === "text" ? clean.text : NOT_ALLOWED;
  }
  // JSON.parse reads 1e999 as Infinity, which no JSON can say again.
  return typeof value !== "number" || Number.isFinite(value) ? value : NOT_ALLOWED;
}

function readMeta(value: unknown, reading: Reading): unknown {
  if (!isJsonObject(value)) return WRONG_TYPE;
  const keys = Object.keys(value);
  if (keys.length > MAX_KEYS) return WRONG_TYPE;
  let units = 0;
  let hasNumber = false;
  for (const key of keys) {
    const item = value[key];
    if (isForbiddenKey(key)) return WRONG_TYPE;
    units += key.length;
    if (typeof item === "string") units += item.length;
    else if (typeof item === "number") hasNumber = true;
    else if (typeof item !== "boolean") return WRONG_TYPE;
  }
  // A unit takes at least one byte of JSON: what is too long by that alone is not looked at further.
  if (units > reading.limits.metaBytes) return TOO_LARGE;
  if (hasNumber && reading.source !== undefined && !numbersSurvive(reading.source, "meta")) return NOT_ALLOWED;
  return cleanedMeta(value, keys, reading);
}

function cleanedMeta(value: Record<string, unknown>, keys: readonly string[], { plain, limits }: Reading): unknown {
  const clean: Record<string, unknown> = {};
  for (const key of keys) {
    const name = plain ? key : readMetaValue(key, plain);
    const item = readMetaValue(value[key], plain);
    // A key can turn into a forbidden one by losing a bidi override.
    if (item === NOT_ALLOWED || typeof name !== "string" || isForbiddenKey(name)) return NOT_ALLOWED;
    clean[name] = item;
  }
  const json = JSON.stringify(clean);
  return (plain ? json.length > limits.metaBytes : isOver(json, limits.metaBytes)) ? TOO_LARGE : clean;
}

let graphemes: Intl.Segmenter | undefined;

const SHOWN =
  "(?:\\u{1f3f4}[\\u{e0020}-\\u{e007e}]+\\u{e007f}|[^|\\p{Default_Ignorable_Code_Point}][\\ufe0e\\ufe0f]?)+";
/**
 * What shows nothing may stand where it changes what is seen: a joiner between two characters, a style behind one, the tags
 * of a flag. Anywhere else it would make a second emoji that looks like the first. `|` parts the names of keys.
 */
const ALL_SHOWN = new RegExp(`^${SHOWN}(?:\\u200d${SHOWN})*$`, "u");

function readEmoji(value: unknown): unknown {
  if (typeof value !== "string") return WRONG_TYPE;
  // Cheap bound before the segmenter: a unit is at least one byte.
  if (value.length > MAX_EMOJI_BYTES) return NOT_ALLOWED;
  const clean = cleanText(value);
  if (clean.kind === "refusal" || showsNothing(clean.text) || !ALL_SHOWN.test(clean.text)) return NOT_ALLOWED;
  if (utf8Bytes(clean.text) > MAX_EMOJI_BYTES) return NOT_ALLOWED;
  graphemes ??= new Intl.Segmenter("en", { granularity: "grapheme" });
  const found = graphemes.segment(clean.text)[Symbol.iterator]();
  found.next();
  return found.next().done === true ? clean.text : NOT_ALLOWED;
}

/** Kind of a field -> its reader. Objects and lists of fields (`position`, `joins`) are walked by the decoder. */
export const READERS = {
  ref: readRef,
  channel: readChannel,
  clientId: readClientId,
  messageId: readMessageId,
  body: readBody,
  meta: readMeta,
  emoji: readEmoji,
  token: opaque(MAX_TOKEN_BYTES),
  password: opaque(MAX_PASSWORD_BYTES),
  cursor: opaque(MAX_CURSOR_BYTES),
  flag: (value) => (typeof value === "boolean" ? value : WRONG_TYPE),
  count: wholeFrom(1),
  ordinal: wholeFrom(0),
} as const satisfies Record<string, Reader>;

export type FieldKind = keyof typeof READERS;

export function isFieldKind(text: unknown): text is FieldKind {
  return typeof text === "string" && Object.hasOwn(READERS, text);
}
