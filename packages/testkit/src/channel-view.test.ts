// Contract of a reader's view: the last writer by position wins, and what was deleted stays so.
import { describe, expect, it } from "vitest";
import { repliesIn, viewOf } from "./channel-view.ts";
import type { SequencedFrame } from "./client-frame.ts";

let seq = 0;
const frame = (type: string, id: string, more: Record<string, unknown> = {}): SequencedFrame => {
  seq += 1;
  return { type, channel: "c", epoch: 1, seq, id, user: "ann", ...more };
};
const says = (id: string, body: string, more: Record<string, unknown> = {}) => frame("message", id, { body, ...more });
const reacts = (id: string, user: string, emoji: string, on = true) => frame("reaction", id, { user, emoji, on });

describe("a reader's view", () => {
  it("shows the newest text, who reacted, and nothing of what was deleted", () => {
    const view = viewOf([
      ...[
        says("m1", "one"),
        says("m2", "two"),
        frame("edited", "m1", { body: "newer" }),
        frame("edited", "m2", { body: "x" }),
      ],
      ...[
        reacts("m1", "bob", "👍"),
        reacts("m1", "eve", "👍"),
        reacts("m1", "bob", "🎉"),
        reacts("m1", "bob", "👍", false),
      ],
      ...[reacts("m2", "bob", "👍"), frame("deleted", "m2"), frame("edited", "m2", { body: "late" })],
    ]);
    expect(view.get("m1")).toEqual({
      ...{ user: "ann", body: "newer", isDeleted: false, isEdited: true },
      reactions: new Map([
        ["👍", new Set(["eve"])],
        ["🎉", new Set(["bob"])],
      ]),
    });
    expect(view.get("m2")).toEqual({ user: "ann", isDeleted: true, isEdited: false, reactions: new Map() });
  });

  it("is the same when its frames are applied once more, or hold tombstones already", () => {
    const said = [
      says("m1", "one"),
      frame("edited", "m1", { body: "two" }),
      reacts("m1", "bob", "👍"),
      says("m2", "x"),
    ];
    const gone = [...said, frame("deleted", "m2")];
    expect(viewOf([...gone, ...gone])).toEqual(viewOf(gone));
    const tombstone = frame("message", "m2", { deleted: true });
    expect(viewOf([...said.slice(0, 3), tombstone, frame("deleted", "m2")])).toEqual(viewOf(gone));
  });

  it("counts the answers that stand", () => {
    const view = viewOf([
      ...[says("m1", "one"), says("m2", "two", { replyTo: "m1" }), says("m3", "three", { replyTo: "m1" })],
      frame("deleted", "m2"),
    ]);
    expect([...repliesIn(view)]).toEqual([["m1", 1]]);
  });
});
