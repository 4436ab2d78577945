// The header by which a repeat is told from a second request: read alike by every route that takes it. Pure.
import { ChatError, isClientId } from "@rookery/protocol";
import Type from "typebox";

/** A `clientId`, bare or as a string of structured fields (RFC 9651). */
const WORDS = "1 to 64 characters of A-Za-z0-9_-, in double quotes or without";
const PATTERN = '^([A-Za-z0-9_-]{1,64}|"[A-Za-z0-9_-]{1,64}")$';

/** For the documents. `meaning`: what the key is to this route. */
export function idempotencyHeaders(meaning: string) {
  const description = `${WORDS}; ${meaning}`;
  const field = Type.Optional(Type.String({ description, pattern: PATTERN, examples: ["order-7-shipped"] }));
  return Type.Object({ "idempotency-key": field });
}

/** Looked at whether or not it is needed: a key that nobody could use was a mistake. Throws ChatError `invalid`. */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const value = Array.isArray(header) ? header.join(",") : header;
  const key = value.replace(/^"(.*)"$/, "$1");
  if (!isClientId(key)) throw new ChatError("invalid", `"Idempotency-Key" must be ${WORDS}`);
  return key;
}
