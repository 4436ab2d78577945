// Schemas of fields that several routes take, in the words of their refusals. They describe at least what is refused by
// sight; what a pattern cannot tell, such as bytes of UTF-8, is checked by the route.
import { MAX_USER_ID_BYTES } from "@rookery/protocol";
import Type from "typebox";

export const USER_WORDS =
  "a user id: 1 to 128 bytes, no control characters or bidi overrides, no space at either end, something that shows";

const CONTROLS = "\\u0000-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069";
const INNER = `[^${CONTROLS}]`;
const OUTER = `[^\\s${CONTROLS}]`;

/** Options of a user id: with a `default` where it may be left out. */
export const USER_FIELD = {
  description: USER_WORDS,
  minLength: 1,
  maxLength: MAX_USER_ID_BYTES,
  pattern: `^${OUTER}(${INNER}*${OUTER})?$`,
};

export const NameField = Type.Optional(Type.String({ description: "a display name, cut to 64 code points" }));
