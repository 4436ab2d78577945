/**
 * Reads a finished `message` frame back into its fields, for the persister's rows and the api's answers.
 * The frame was made by this package, so anything that does not fit is a fault of ours and never the client's.
 */
import { Compile } from "typebox/compile";
import { ChatError } from "./errors.ts";
import { type FullMessageFrame, SERVER_FRAMES } from "./server-frames.ts";

const compileMessage = () => Compile(SERVER_FRAMES.message);
/** Compiled at the first use: importing this package must not generate code, which a page's CSP may forbid. */
let compiled: ReturnType<typeof compileMessage> | undefined;

/**
 * The fields of a `message` frame that has its body.
 * @throws ChatError `internal` naming the field that is off.
 */
export function parseMessageFrame(text: string): FullMessageFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ChatError("internal", "message frame: not JSON");
  }
  compiled ??= compileMessage();
  if (!compiled.Check(value)) {
    const first = compiled.Errors(value)[0];
    const field = first?.instancePath.slice(1) ?? "";
    throw new ChatError(
      "internal",
      `message frame: ${field === "" ? "it" : `"${field}"`} ${first?.message ?? "is off"}`,
    );
  }
  if (value.body === undefined) throw new ChatError("internal", 'message frame: "body" is absent');
  return { ...value, body: value.body };
}
