// Schemas of fields that several routes take, in the words of their refusals. They describe at least what is refused by
// sight; what a pattern cannot tell, such as bytes of UTF-8, is checked by the route.
import { ChatError, CLIENT_FRAMES, isUserId, MAX_USER_ID_BYTES } from "@rookery/protocol";
import Type from "typebox";
import type { Static } from "typebox";

export const USER_WORDS =
  "a user id: 1 to 128 bytes that show something, no control characters, no bidi controls, no space at either end";

const NOT_IN_AN_ID = "\\u0000-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069";
const INNER = `[^${NOT_IN_AN_ID}]`;
const OUTER = `[^\\s${NOT_IN_AN_ID}]`;

/** Options of a user id: with a `default` where it may be left out. */
export const USER_FIELD = {
  description: USER_WORDS,
  minLength: 1,
  maxLength: MAX_USER_ID_BYTES,
  pattern: `^${OUTER}(${INNER}*${OUTER})?$`,
};

/** Of routes about one user. */
export const UserParams = Type.Object({ id: Type.String(USER_FIELD) });
/** Of routes about one user in one channel. */
export const ChannelUserParams = Type.Object({
  id: CLIENT_FRAMES.send.properties.channel,
  user: Type.String(USER_FIELD),
});

/** Throws ChatError `invalid`. */
export function readUser(name: string, text: string): string {
  if (isUserId(text)) return text;
  throw new ChatError("invalid", `"${name}" must be ${USER_WORDS}`);
}

/** The channel and the user that a path names. Throws ChatError `invalid`. */
export function readChannelUser({ id, user }: Static<typeof ChannelUserParams>) {
  return { channel: id, user: readUser("user", user) };
}

/** Who speaks and owns where a backend names nobody. */
export const SERVER_USER = "server";

export const NameField = Type.Optional(Type.String({ description: "a display name, cut to 64 code points" }));

/** Of a message's text: control characters other than newline, tab and the carriage return of a line's end are refused. */
export const TEXT_PATTERN = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]+$";
