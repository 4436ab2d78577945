/**
 * Tokens of JSON in raw bytes, for those who must look into a frame without parsing it or past what parsing forgets.
 * Used by find-ref.ts and exact-numbers.ts, which walk once over what they are given. Nothing here throws.
 */

export const QUOTE = 0x22;
export const COLON = 0x3a;
const BACKSLASH = 0x5c;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Space, tab, line feed, carriage return (RFC 8259, section 2). */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

/** `{` or `[`. */
export function opens(byte: number | undefined): boolean {
  return byte === 0x7b || byte === 0x5b;
}

/** `}` or `]`. */
export function closes(byte: number | undefined): boolean {
  return byte === 0x7d || byte === 0x5d;
}

/** The index behind the closing quote of the string that opens at `at`; -1 when it does not end. */
export function behindString(bytes: Uint8Array, at: number): number {
  for (let i = at + 1; i < bytes.length; i++) {
    if (bytes[i] === BACKSLASH) i++;
    else if (bytes[i] === QUOTE) return i + 1;
  }
  return -1;
}

/** The index of the opening quote of the string that closes at `at`; -1 when it is not among the bytes. */
export function openingQuote(bytes: Uint8Array, at: number): number {
  for (let i = at - 1; i >= 0; i--) {
    if (bytes[i] !== QUOTE) continue;
    const quote = i;
    while (i > 0 && bytes[i - 1] === BACKSLASH) i--;
    // Backslashes that run out of the window may be odd or even; nor does a frame begin with a quote.
    if (i === 0) return -1;
    if ((quote - i) % 2 === 0) return quote;
  }
  return -1;
}

/** Whether the string that ends before `at` is the name of a member. */
export function isBeforeColon(bytes: Uint8Array, at: number): boolean {
  let i = at;
  while (isSpace(bytes[i])) i++;
  return bytes[i] === COLON;
}

/** The text of a string with its quotes; undefined for what is none. */
export function stringIn(bytes: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether these bytes, quotes included, are the ASCII string `name`, however it is written. */
export function isKey(bytes: Uint8Array, name: string): boolean {
  if (bytes.includes(BACKSLASH)) return stringIn(bytes) === name;
  if (bytes.length !== name.length + 2) return false;
  for (let i = 0; i < name.length; i++) if (bytes[i + 1] !== name.codePointAt(i)) return false;
  return true;
}
