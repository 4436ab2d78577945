// Reads the body of a request: JSON in UTF-8, in the shape that frames have too. Called by the server for every route, so
// that nothing behind it, which may well walk or write the value recursively, ever meets one deeper than a frame.
// Pure; bounded by the size of the body, which the server has held against its limit before.
import { ChatError, numbersSurvive, shapeFault } from "@rookery/protocol";

/** Most bytes of a body: enough for the largest token's claims or the largest message with every character escaped. */
export const MAX_BODY_BYTES = 65_536;

/** Fields in which a caller keeps values of its own: they are stored or signed as they were written, or refused. */
const KEPT_FIELDS = ["meta", "claims"] as const;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The value; a body of no bytes is none. Throws ChatError `bad_frame`, or `invalid` for a number that no double holds. */
export function readJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  const { text, value } = parse(bytes);
  const fault = shapeFault(value, 1, "the body");
  if (fault !== undefined) throw new ChatError("bad_frame", fault);
  const lost = KEPT_FIELDS.find((name) => !numbersSurvive(text, name));
  if (lost === undefined) return value;
  throw new ChatError(
    "invalid",
    `"${lost}" must have no number that a double cannot hold exactly: send it as a string`,
  );
}

/** V8 parses nesting of any depth without recursion. */
function parse(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = utf8.decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch {
    throw new ChatError("bad_frame", "the body must be JSON in UTF-8");
  }
}
