// What a user id and a display name may be, as taken from a token's claims. Used by the verifier, the minter and the REST
// API. Pure.
import { toUSVString } from "node:util";

const MAX_USER_BYTES = 128;
const MAX_NAME_CODE_POINTS = 64;
const CONTROL = /\p{Cc}/u;
const CONTROLS = /\p{Cc}/gu;
/** Overrides and isolates can make the rest of a line read as another name. */
const BIDI_CONTROLS = /[\u202A-\u202E\u2066-\u2069]/gu;

/** 1 to 128 bytes of well-formed text, no control characters, no space at either end. */
export function isUserId(value: unknown): value is string {
  if (typeof value !== "string" || value === "" || value.length > MAX_USER_BYTES) return false;
  if (toUSVString(value) !== value || Buffer.byteLength(value) > MAX_USER_BYTES) return false;
  return value.trim() === value && !CONTROL.test(value);
}

/**
 * The name to show for a user: the claim, cleaned of control and bidi characters, normalised (NFC) and cut to 64 code
 * points. A claim that is no text or leaves nothing gives the user id, cut alike. A foreign issuer's long name is no
 * reason to keep its owner out.
 */
export function displayName(claim: unknown, user: string): string {
  return cleaned(typeof claim === "string" ? claim : "") || cleaned(user) || user;
}

function cleaned(text: string): string {
  const plain = toUSVString(text).replace(CONTROLS, "").replace(BIDI_CONTROLS, "").normalize("NFC").trim();
  return Array.from(plain).slice(0, MAX_NAME_CODE_POINTS).join("").trim();
}
