/**
 * What counts as text in a frame: well-formed UTF-16 without control characters, in NFC, without bidi overrides.
 * Decoder, token reading and api run every text of a user through here. Must never escape: rendering does that.
 */

export type CleanText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/** Embeddings, overrides and their end, isolates and their end. The plain marks U+200E and U+200F stay. */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;
const WELL_FORMED = /\p{Cs}/u;
/** The first code unit that NFC can change or compose: all below stand for themselves (Unicode, NFC_Quick_Check). */
const FIRST_COMPOSING = 0x300;

/**
 * Text as it is stored and sent: bidi overrides and isolates removed, then NFC. Cleaning twice changes nothing more.
 * Refuses lone surrogates, NUL and control characters other than newline and tab. One pass over the units decides all;
 * only text beyond U+02FF is touched again.
 */
export function cleanText(text: string): CleanText {
  let composing = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit < 0x7f) continue;
    if (unit < 0xa0) {
      if (unit === 0x0a || unit === 0x09) continue;
      return { ok: false, message: "control characters other than newline and tab are not allowed" };
    }
    if (unit < FIRST_COMPOSING) continue;
    composing = true;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    i++;
    if (unit > 0xdbff || !isLowSurrogate(text.charCodeAt(i))) {
      return { ok: false, message: "a surrogate stands without its other half" };
    }
  }
  return { ok: true, text: composing ? text.replace(BIDI, "").normalize("NFC") : text };
}

/** False when a surrogate stands without its other half: such text has no UTF-8 form. */
export function isWellFormed(text: string): boolean {
  return !WELL_FORMED.test(text);
}

/** Bytes of the text in UTF-8; a lone surrogate counts as the 3 bytes of U+FFFD. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    if (unit >= 0xd800 && unit <= 0xdbff && isLowSurrogate(text.charCodeAt(i + 1))) {
      i++;
    }
  }
  return bytes;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
