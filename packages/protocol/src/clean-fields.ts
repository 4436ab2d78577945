/**
 * Body and meta of a message that came by another way than a frame, such as the REST API, under the decoder's rules.
 * Whoever publishes goes through here or through the decoder, so that no other text is ever stored. Whoever parsed the
 * JSON asks `numbersSurvive` first: a parsed number no longer tells how it was written.
 */
import type { Meta } from "./client-frames.ts";
import { ChatError } from "./errors.ts";
import { FIELD_WANTS } from "./fields.ts";
import { NOT_ALLOWED, READERS, TOO_LARGE } from "./field-readers.ts";
import type { FrameLimits } from "./limits.ts";
import { isJsonObject } from "./shape.ts";

/**
 * The text to store for a body.
 * @throws ChatError `bad_frame`, `invalid` or `too_large`.
 */
export function cleanBody(body: unknown, limits: FrameLimits): string {
  const clean = READERS.body(body, { plain: false, source: undefined, limits });
  if (typeof clean === "string") return clean;
  throw refusal("body", clean, FIELD_WANTS.body, limits.bodyBytes);
}

/**
 * The meta to store.
 * @throws ChatError `bad_frame`, `invalid` or `too_large`.
 */
export function cleanMeta(meta: unknown, limits: FrameLimits): Meta {
  const clean = READERS.meta(meta, { plain: false, source: undefined, limits });
  if (isMeta(clean)) return clean;
  throw refusal("meta", clean, FIELD_WANTS.meta, limits.metaBytes);
}

/** The reader gives back an object only when every value in it is allowed. */
function isMeta(clean: unknown): clean is Meta {
  return isJsonObject(clean);
}

function refusal(name: string, verdict: unknown, wants: string, maxBytes: number): ChatError {
  if (verdict === TOO_LARGE) return new ChatError("too_large", `"${name}" is over ${maxBytes} bytes`);
  const code = verdict === NOT_ALLOWED ? "invalid" : "bad_frame";
  return new ChatError(code, `"${name}" must be ${wants}`);
}
