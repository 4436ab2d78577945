// Contract of the table of sequenced frames: text -> fields -> text is the same text, and what is off is named.
import { describe, expect, it } from "vitest";
import { deletedHalves, editedHalves, messageHalves, reactionHalves, renderFrame } from "./encode.ts";
import { ChatError } from "./errors.ts";
import { parseMessageFrame, parseSequencedFrame } from "./sequenced-frames.ts";

const id = "V1StGXR8_Z5jdHi6B-myT";
const message = { channel: "c", id, clientId: "k1", user: "ann", name: "Ann", body: "hello" };
const change = { channel: "c", id, user: "ann" };
const stamp = { epoch: 1_700_000_000_000, seq: 3, at: 1_700_000_000_123 };
const text = renderFrame(messageHalves(message), stamp);
const edited = renderFrame(editedHalves({ ...change, body: "hello" }), stamp);
const reaction = renderFrame(reactionHalves({ ...change, emoji: "👍", on: true }), stamp);

function faultOf(parse: (frame: string) => unknown, frame: string): ChatError {
  try {
    parse(frame);
  } catch (error) {
    if (error instanceof ChatError) return error;
  }
  throw new Error("it was read, or refused otherwise");
}

describe("reading a message frame back", () => {
  it("gives its fields", () => {
    expect(parseMessageFrame(text)).toEqual({ type: "message", ...message, ...stamp });
  });

  it.each([
    ["broken JSON", text.slice(1), /JSON/],
    ["another type", text.replace('"message"', '"edited"'), /type/],
    ["no seq", text.replace('"seq":3,', ""), /seq/],
    ["a seq that is no number", text.replace('"seq":3', '"seq":"3"'), /seq/],
    ["no body", text.replace(',"body":"hello"', ""), /body/],
    ["not an object", "[]", /message frame/],
  ])("names what is off: %s", (_, broken, fault) => {
    expect(faultOf(parseMessageFrame, broken)).toMatchObject({
      code: "internal",
      message: expect.stringMatching(fault),
    });
  });
});

describe("reading a sequenced frame back", () => {
  it.each<[string, string, object]>([
    ["a message", text, { type: "message", ...message, ...stamp }],
    ["an edit", edited, { type: "edited", ...change, body: "hello", ...stamp }],
    [
      "an edit of a message that is gone",
      renderFrame(editedHalves(change), stamp),
      { type: "edited", ...change, ...stamp },
    ],
    ["a deletion", renderFrame(deletedHalves(change), stamp), { type: "deleted", ...change, ...stamp }],
    ["a reaction", reaction, { type: "reaction", ...change, emoji: "👍", on: true, ...stamp }],
  ])("gives the fields of %s", (_, frame, fields) => {
    expect(parseSequencedFrame(frame)).toEqual(fields);
  });

  it("takes a message without a body only where it is deleted", () => {
    const bare = text.replace(',"body":"hello"', "");
    expect(faultOf(parseSequencedFrame, bare).message).toMatch(/message frame: "body"/);
    expect(parseSequencedFrame(bare.replace(/\}$/, ',"deleted":true}'))).toMatchObject({ deleted: true });
  });

  it.each([
    ["broken JSON", text.slice(1), /JSON/],
    ["not an object", "[]", /type/],
    ["no type", text.replace('"type":"message",', ""), /type/],
    ["a type that takes no position", text.replace('"message"', '"joined"'), /type/],
    ["a type that every object has", text.replace('"message"', '"constructor"'), /type/],
    ["a reaction without an emoji", reaction.replace(',"emoji":"👍"', ""), /reaction frame: .*emoji/],
    ["an edit of something that is no id", edited.replace(id, "short"), /edited frame: "id"/],
  ])("names what is off: %s", (_, broken, fault) => {
    expect(faultOf(parseSequencedFrame, broken)).toMatchObject({
      code: "internal",
      message: expect.stringMatching(fault),
    });
  });
});
