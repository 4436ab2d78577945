/**
 * Whether JSON numbers keep their values when they become doubles, as every number in JavaScript does: 0.1 does, since the
 * double is written as 0.1 again; 12345678901234567890 does not. JSON.parse has forgotten how they were written, so the
 * text itself is looked at. Called by the decoder for `meta` and by the REST API. Pure and linear.
 */
import { behindString, closes, isBeforeColon, isKey, opens, QUOTE } from "./json-bytes.ts";

const MINUS = 0x2d;
const SHORT_DIGITS = 15;
/** `e` and two more: with so few digits far from where doubles end. */
const SHORT_EXPONENT_CHARS = 3;
/** Up to 15 digits without an exponent are always held, so most texts need no walk. */
const MAY_BE_LOST = /[\d.]{16}|\d[eE]/;
const utf8 = new TextEncoder();

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Digits, sign, full stop, `e` and `E`. */
function isOfNumber(byte: number | undefined): boolean {
  return isDigit(byte) || byte === MINUS || byte === 0x2b || byte === 0x2e || byte === 0x65 || byte === 0x45;
}

/**
 * Whether every number below the field `name` of an object survives being read: a double says it again with the very
 * value that was written. `json` is what JSON.parse took.
 */
export function numbersSurvive(json: string, name: string): boolean {
  return !MAY_BE_LOST.test(json) || survive(utf8.encode(json), name);
}

function survive(bytes: Uint8Array, name: string): boolean {
  let depth = 0;
  let isInField = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      const end = behindString(bytes, i);
      if (end < 0) return true;
      if (depth === 1 && isBeforeColon(bytes, end)) isInField = isKey(bytes.subarray(i, end), name);
      i = end - 1;
    } else if (opens(byte)) depth++;
    else if (closes(byte)) depth--;
    else if (isDigit(byte) || byte === MINUS) {
      const start = i;
      while (isOfNumber(bytes[i + 1])) i++;
      if (isInField && !isShort(bytes, start, i + 1) && !holdsExactly(textOf(bytes, start, i + 1))) return false;
    }
  }
  return true;
}

/** So few digits and so small an exponent are always held, and not worth a string. */
function isShort(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > SHORT_DIGITS) return false;
  for (let i = start; i < end - SHORT_EXPONENT_CHARS; i++) if (bytes[i] === 0x65 || bytes[i] === 0x45) return false;
  return true;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCodePoint(bytes[i] ?? 0);
  return text;
}

/** A decimal value without its sign: `digits` begin and end with none of 0, the value is 0.digits times 10^exponent. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

/** `literal` is a number as JSON writes it. */
export function holdsExactly(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  const written = decimalOf(literal);
  const kept = decimalOf(String(value));
  return written.digits === kept.digits && (written.digits === "" || written.exponent === kept.exponent);
}

function decimalOf(literal: string): Decimal {
  const [mantissa = "", power = "0"] = (literal.startsWith("-") ? literal.slice(1) : literal).toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return trimmed(whole + fraction, whole.length + Number(power));
}

/** Without the zeros at both ends; loops, since a pattern that looks for zeros at an end is quadratic in them. */
function trimmed(digits: string, exponent: number): Decimal {
  let start = 0;
  let end = digits.length;
  while (start < end && digits[start] === "0") start++;
  while (end > start && digits[end - 1] === "0") end--;
  return { digits: digits.slice(start, end), exponent: exponent - start };
}
