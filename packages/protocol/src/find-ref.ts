/**
 * Finds the `ref` of a frame that is refused without being parsed, so that whoever waits for an answer gets it. Called by
 * the decoder and the edge for frames over their size or over a rate. Never throws; costs the same whatever the frame.
 */
import { READERS } from "./field-readers.ts";
import {
  behindString,
  closes,
  COLON,
  isBeforeColon,
  isKey,
  isSpace,
  openingQuote,
  opens,
  QUOTE,
  stringIn,
} from "./json-bytes.ts";
import { REF_WINDOW_BYTES } from "./limits.ts";

const CLOSING_BRACE = 0x7d;

/**
 * The frame's own `ref`, if it stands in the last or the first KiB. One in a nested object or within a text is told apart:
 * both walks start outside of every string, at the first byte and at the last brace. Of several, as JSON.parse does, the
 * last. Undefined where none is found or its value is not allowed.
 */
export function findRef(frame: Uint8Array): string | undefined {
  const found =
    refBefore(frame.subarray(Math.max(0, frame.length - REF_WINDOW_BYTES))) ??
    refWithin(frame.subarray(0, REF_WINDOW_BYTES));
  const ref = found === undefined ? undefined : stringIn(found);
  return ref !== undefined && READERS.ref(ref) === ref ? ref : undefined;
}

/** Forward over the first bytes of a frame: the last value of a `ref` of the outermost object, with its quotes. */
function refWithin(bytes: Uint8Array): Uint8Array | undefined {
  let depth = 0;
  let found: Uint8Array | undefined;
  let isRef = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (opens(byte)) depth++;
    else if (closes(byte)) depth--;
    if (byte !== QUOTE) {
      if (byte !== COLON && !isSpace(byte)) isRef = false;
      continue;
    }
    const end = behindString(bytes, i);
    if (end < 0) return found;
    const text = bytes.subarray(i, end);
    if (isRef) found = text;
    isRef = !isRef && depth === 1 && isBeforeColon(bytes, end) && isKey(text, "ref");
    i = end - 1;
  }
  return found;
}

/** Backward from the end of a frame, up to the opening of its outermost object or of the window. */
function refBefore(bytes: Uint8Array): Uint8Array | undefined {
  let depth = 0;
  let value: Uint8Array | undefined;
  let hasColon = false;
  for (let i = bytes.length - 1; i >= 0; i--) {
    const byte = bytes[i];
    if (isSpace(byte)) continue;
    if (depth === 0 && byte !== CLOSING_BRACE) return undefined;
    if (closes(byte)) depth++;
    else if (opens(byte)) depth--;
    if (depth === 0) return undefined;
    if (byte === COLON && value !== undefined) hasColon = true;
    if (byte === COLON) continue;
    if (byte !== QUOTE) {
      value = undefined;
      hasColon = false;
      continue;
    }
    const start = openingQuote(bytes, i);
    if (start < 0) return undefined;
    const text = bytes.subarray(start, i + 1);
    if (hasColon && depth === 1 && isKey(text, "ref")) return value;
    value = hasColon ? undefined : text;
    hasColon = false;
    i = start;
  }
  return undefined;
}
