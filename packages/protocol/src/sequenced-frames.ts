/**
 * Every kind of frame that takes a position in a channel, in one table: how its text is read back, and how its fields become
 * text again. For rows of Postgres, folded pages and tests; whoever makes a new frame calls the halves of encode.ts.
 * The frames were made by this package, so anything that does not fit is a fault of ours and never the client's.
 */
import { Compile } from "typebox/compile";
import type { Static, TSchema } from "typebox";
import { deletedHalves, editedHalves, type FrameHalves, messageHalves, reactionHalves, renderFrame } from "./encode.ts";
import { ChatError } from "./errors.ts";
import { type FullMessageFrame, type SequencedFrame, SERVER_FRAMES, type ServerFrameOf } from "./server-frames.ts";
import { isJsonObject } from "./shape.ts";

export type SequencedType = SequencedFrame["type"];

interface Kind<T extends SequencedType> {
  /** @throws ChatError `internal` naming the field that is off. */
  read(this: void, value: unknown): ServerFrameOf<T>;
  halves(this: void, frame: ServerFrameOf<T>): FrameHalves;
}

const KINDS: { readonly [T in SequencedType]: Kind<T> } = {
  message: { read: checking("message", SERVER_FRAMES.message), halves: messageHalves },
  edited: { read: checking("edited", SERVER_FRAMES.edited), halves: editedHalves },
  deleted: { read: checking("deleted", SERVER_FRAMES.deleted), halves: deletedHalves },
  reaction: { read: checking("reaction", SERVER_FRAMES.reaction), halves: reactionHalves },
};

/** Compiled at the first use: importing this package must not generate code, which a page's CSP may forbid. */
function checking<Schema extends TSchema>(type: SequencedType, schema: Schema): (value: unknown) => Static<Schema> {
  const compile = () => Compile(schema);
  let compiled: ReturnType<typeof compile> | undefined;
  return (value) => {
    compiled ??= compile();
    if (compiled.Check(value)) return value;
    const first = compiled.Errors(value)[0];
    const field = first?.instancePath.slice(1) ?? "";
    throw off(type, `${field === "" ? "it" : `"${field}"`} ${first?.message ?? "is off"}`);
  };
}

function off(type: SequencedType | "sequenced", fault: string): ChatError {
  return new ChatError("internal", `${type} frame: ${fault}`);
}

/** Whether frames of this type take a position. */
export function isSequencedType(type: unknown): type is SequencedType {
  return typeof type === "string" && Object.hasOwn(KINDS, type);
}

/**
 * The fields of a sequenced frame. A message without a body is a deleted one; an `edited` without one is of such a message.
 * @throws ChatError `internal` naming the field that is off.
 */
export function parseSequencedFrame(text: string): SequencedFrame {
  const value = parse("sequenced", text);
  const type = isJsonObject(value) ? value["type"] : undefined;
  if (!isSequencedType(type)) throw off("sequenced", '"type" is none that takes a position');
  const frame = KINDS[type].read(value);
  if (frame.type === "message" && frame.body === undefined && frame.deleted !== true) {
    throw off("message", '"body" is absent');
  }
  return frame;
}

/**
 * The fields of a `message` frame that has its body.
 * @throws ChatError `internal` naming the field that is off.
 */
export function parseMessageFrame(text: string): FullMessageFrame {
  const frame = KINDS.message.read(parse("message", text));
  if (frame.body === undefined) throw off("message", '"body" is absent');
  return { ...frame, body: frame.body };
}

function parse(type: SequencedType | "sequenced", text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw off(type, "not JSON");
  }
}

/** The very text that {@link parseSequencedFrame} read, if the frame has not been touched. */
export function renderSequencedFrame(frame: SequencedFrame): string {
  return renderFrame(halvesOf(frame.type, frame), frame);
}

type Frames = { [T in SequencedType]: ServerFrameOf<T> };

function halvesOf<T extends SequencedType>(type: T, frame: Frames[T]): FrameHalves {
  return KINDS[type].halves(frame);
}
