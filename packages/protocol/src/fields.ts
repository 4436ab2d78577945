/**
 * Schemas of single fields, shared by client frames, server frames and REST bodies.
 * FIELD_KIND names the reader that the decoder checks the field with; `description` ends its refusal ("must be ...").
 */
import Type from "typebox";
import { CHANNEL_ID_PATTERN, CLIENT_ID_PATTERN, MESSAGE_ID_PATTERN } from "./ids.ts";
import {
  JOINS_PER_FRAME,
  MAX_CURSOR_BYTES,
  MAX_EMOJI_BYTES,
  MAX_PASSWORD_BYTES,
  MAX_REF_CHARS,
  MAX_TOKEN_BYTES,
} from "./limits.ts";

/** A symbol, so that no document, strict validator or serialiser made from a schema ever meets it. */
export const FIELD_KIND = Symbol("kind of field");

export const Ref = Type.String({
  [FIELD_KIND]: "ref",
  description: `a string of 1 to ${MAX_REF_CHARS} characters`,
  minLength: 1,
  maxLength: MAX_REF_CHARS,
});
export const ChannelId = Type.String({
  [FIELD_KIND]: "channel",
  description: "a string of 1 to 64 characters of A-Za-z0-9_.:- that begins with a letter or digit",
  pattern: CHANNEL_ID_PATTERN,
});
export const ClientId = Type.String({
  [FIELD_KIND]: "clientId",
  description: "a string of 1 to 64 characters of A-Za-z0-9_-",
  pattern: CLIENT_ID_PATTERN,
});
export const MessageId = Type.String({
  [FIELD_KIND]: "messageId",
  description: "a message id, 21 characters of A-Za-z0-9_-",
  pattern: MESSAGE_ID_PATTERN,
});
export const Body = Type.String({
  [FIELD_KIND]: "body",
  description:
    "text that is not empty, with no control characters but newline and tab and at most 30 combining marks in a row",
  minLength: 1,
});
export const Meta = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
  [FIELD_KIND]: "meta",
  description: "a flat object of strings like a body's, booleans, and numbers that a double holds exactly",
});
export const Emoji = Type.String({
  [FIELD_KIND]: "emoji",
  description: `one grapheme of at most ${MAX_EMOJI_BYTES} bytes, all of it seen`,
  minLength: 1,
});
export const Token = Type.String({
  [FIELD_KIND]: "token",
  description: `a string of at most ${MAX_TOKEN_BYTES} bytes`,
});
export const Password = Type.String({
  [FIELD_KIND]: "password",
  description: `a string of at most ${MAX_PASSWORD_BYTES} bytes`,
});
export const Cursor = Type.String({
  [FIELD_KIND]: "cursor",
  description: `a cursor as the server gave it, at most ${MAX_CURSOR_BYTES} bytes`,
});
export const Flag = Type.Boolean({ [FIELD_KIND]: "flag", description: "true or false" });
export const Count = Type.Integer({
  [FIELD_KIND]: "count",
  description: "a whole number from 1",
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
});
export const Ordinal = Type.Integer({
  [FIELD_KIND]: "ordinal",
  description: "a whole number from 0 below 2^53",
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
});
export const PositionField = Type.Object(
  { epoch: Ordinal, seq: Ordinal },
  { [FIELD_KIND]: "position", description: "an object {epoch, seq}" },
);
export const JoinItem = Type.Object({
  channel: ChannelId,
  after: Type.Optional(PositionField),
  password: Type.Optional(Password),
});
export const JoinItems = Type.Array(JoinItem, {
  [FIELD_KIND]: "joins",
  description: `a list of 1 to ${JOINS_PER_FRAME} objects {channel, after?, password?}`,
  minItems: 1,
  maxItems: JOINS_PER_FRAME,
});

/** Milliseconds since the Unix epoch. */
export const TimeMs = Type.Integer({ minimum: 0, description: "milliseconds since the Unix epoch" });
export const UserId = Type.String({ minLength: 1, description: "user id, 1 to 128 bytes of UTF-8" });
export const Name = Type.String({ description: "display name, at most 64 code points" });
/** Text of a frame that the server wrote. */
export const Text = Type.String();
export const Tally = Type.Integer({ minimum: 0 });
