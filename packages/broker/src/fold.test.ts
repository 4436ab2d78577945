// Contract of folding: a message says its newest text or nothing any more, and counts what stands; frames to which nothing
// happened are not touched.
import { editedHalves, messageHalves, parseSequencedFrame, reactionHalves, renderFrame } from "@rookery/protocol";
import type { Since, StoredFrame } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { bury, countAnswers, fold, foldMine, idOf, mergeSince } from "./fold.ts";

type MessageParts = Parameters<typeof messageHalves>[0];

const ID = "V1StGXR8_Z5jdHi6B-myT";
const OTHER = "A1StGXR8_Z5jdHi6B-myT";
const at = (seq: number) => ({ epoch: 7, seq });
const hostile = '"\\","id":"x","replyTo":"y","deleted":true}';

function message(seq: number, parts: Partial<MessageParts> = {}, since?: Since): StoredFrame {
  const halves = messageHalves({
    channel: "c",
    id: ID,
    clientId: "k",
    user: "ann",
    name: "Ann",
    body: "one",
    ...parts,
  });
  const frame = renderFrame(halves, { ...at(seq), at: 5 });
  return { position: at(seq), frame, ...(since === undefined ? {} : { since }) };
}

const edited = { position: at(4), at: 9, body: "two" };
const reactions = [{ emoji: "👍", count: 2 }];

describe("a message of a folded page", () => {
  it("to which nothing happened is the very same", () => {
    const untouched = message(1);
    expect(fold(untouched)).toBe(untouched);
  });

  it("shows its newest text and when it was edited, its reactions as counts and how often it is answered", () => {
    const folded = fold(message(1, { meta: { a: 1 }, mentions: ["bob"] }, { id: ID, edited, reactions, replies: 3 }));
    expect(parseSequencedFrame(folded.frame)).toEqual({
      ...{ type: "message", channel: "c", ...at(1), at: 5, id: ID, clientId: "k", user: "ann", name: "Ann" },
      ...{ body: "two", meta: { a: 1 }, mentions: ["bob"], editedAt: 9, replies: 3 },
      reactions: [{ emoji: "👍", count: 2, mine: false }],
    });
  });

  it("that was deleted says nothing any more, and keeps its answers", () => {
    const since = { id: ID, edited, reactions, deleted: true, replies: 1 };
    const folded = fold(message(1, { meta: { a: 1 }, mentions: ["bob"], replyTo: OTHER }, since));
    expect(parseSequencedFrame(folded.frame)).toEqual({
      ...{ type: "message", channel: "c", ...at(1), at: 5, id: ID, clientId: "k", user: "ann", name: "Ann" },
      ...{ replyTo: OTHER, deleted: true, replies: 1 },
    });
  });

  it("tells a user which reactions are the user's own", () => {
    const two = [...reactions, { emoji: "🎉", count: 1 }];
    const folded = foldMine(fold(message(1, {}, { id: ID, reactions: two })), new Set(["🎉"]));
    expect(parseSequencedFrame(folded.frame)).toMatchObject({
      reactions: [
        { emoji: "👍", count: 2, mine: false },
        { emoji: "🎉", count: 1, mine: true },
      ],
    });
  });
});

describe("what two stores know of a message", () => {
  it.each<[string, Since | undefined, Since | undefined, Since | undefined]>([
    ["nothing", undefined, undefined, undefined],
    ["what Postgres knows alone", { id: ID, edited, replies: 2 }, undefined, { id: ID, edited, replies: 2 }],
    ["what Redis knows alone", undefined, { id: ID, reactions }, { id: ID, reactions }],
    [
      "the newer edit of the two",
      { id: ID, edited },
      { id: ID, edited: { ...edited, position: at(6), body: "three" } },
      { id: ID, edited: { ...edited, position: at(6), body: "three" } },
    ],
    [
      "the edit of Postgres where Redis has an older one",
      { id: ID, edited },
      { id: ID, edited: { ...edited, position: at(3), body: "old" } },
      { id: ID, edited },
    ],
    ["that Redis counts no reaction any more", { id: ID, reactions }, { id: ID }, { id: ID }],
    [
      "a deletion that only Redis has",
      { id: ID, edited },
      { id: ID, deleted: true },
      { id: ID, edited, deleted: true },
    ],
  ])("is told as one: %s", (_what, stored, remembered, both) => {
    expect(mergeSince(stored, remembered)).toEqual(both);
  });
});

describe("reading a finished frame without parsing it", () => {
  it("finds its id, whatever its texts hold", () => {
    expect(idOf(message(1, { user: hostile, name: hostile, body: hostile }).frame)).toBe(ID);
  });

  it("counts answers, whatever texts and meta hold, and none that was deleted", () => {
    const frames = [
      message(2, { replyTo: OTHER }),
      message(3, { replyTo: OTHER, body: hostile, meta: { deleted: true } }),
      message(4, { replyTo: OTHER, deleted: true }),
      message(5, { replyTo: OTHER }, { id: ID, deleted: true }),
      message(6, { replyTo: ID, name: hostile }),
      message(7, { body: hostile, meta: { replyTo: OTHER } }),
      message(8, { meta: { x: '"replyTo":"' } }),
    ];
    expect([...countAnswers(frames)]).toEqual([
      [OTHER, 2],
      [ID, 1],
    ]);
  });
});

describe("what is left of a deleted message", () => {
  const change = { channel: "c", id: ID, user: "ann" };

  it("in its own frame is that it stood there, in the frame of an edit that there was one", () => {
    expect(parseSequencedFrame(bury(message(1, { meta: { a: 1 } })).frame)).toMatchObject({ id: ID, deleted: true });
    expect(bury(message(1, { body: "secret" })).frame).not.toContain("secret");
    const edit = {
      position: at(2),
      frame: renderFrame(editedHalves({ ...change, body: "secret" }), { ...at(2), at: 6 }),
    };
    expect(parseSequencedFrame(bury(edit).frame)).toEqual({ type: "edited", ...change, ...at(2), at: 6 });
  });

  it("in frames that carry no text is all of it", () => {
    const halves = reactionHalves({ ...change, emoji: "👍", on: true });
    const reaction = { position: at(3), frame: renderFrame(halves, { ...at(3), at: 7 }) };
    expect(bury(reaction)).toBe(reaction);
  });
});
