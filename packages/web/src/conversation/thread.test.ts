import type { Message } from "@rookery/client";
import { describe, expect, it } from "vitest";
import { beginsGroup, joined, repliesLine, threadOf } from "./thread.ts";

const say = (seq: number, more: Partial<Message> = {}): Message => ({
  ...{ type: "message", channel: "c", epoch: 1, seq, id: `m${seq}`, clientId: `${seq}`, at: 0, user: "u", name: "U" },
  ...{ body: "as asked", ...more },
});

describe("a thread", () => {
  it("is its root and what answers it, in order and each once, as the channel shows it where both have it", () => {
    const shown = [say(1), say(4, { replyTo: "m1", body: "edited" }), say(5), say(6, { replyTo: "m1" })];
    const { root, replies } = threadOf("m1", shown, [say(2, { replyTo: "m1" }), say(4, { replyTo: "m1" })]);
    expect(root?.id).toBe("m1");
    expect(replies.map(({ seq, body }) => [seq, body])).toEqual([
      [2, "as asked"],
      [4, "edited"],
      [6, "as asked"],
    ]);
  });

  it("has no root while that is not loaded", () => {
    expect(threadOf("m1", [say(2, { replyTo: "m1" })], [])).toMatchObject({ root: undefined, replies: [{ seq: 2 }] });
  });
});

describe("the replies of a thread", () => {
  it("are as the newer answer has them, wherever they stand", () => {
    const [older, newer] = [
      [say(2), say(3)],
      [say(3, { body: "edited" }), say(1)],
    ];
    expect(joined(older, newer).map(({ seq, body }) => [seq, body])).toEqual([
      [1, "as asked"],
      [2, "as asked"],
      [3, "edited"],
    ]);
  });

  it("are counted by their root, also those that are not loaded, and without those deleted", () => {
    const replies = [say(2), say(4), say(3, { deleted: true })];
    expect(repliesLine({ root: say(1, { replies: 9 }), replies }, true)).toBe("9 replies");
    expect(repliesLine({ root: undefined, replies }, false)).toBe("2 replies");
    expect(repliesLine({ root: undefined, replies }, true)).toBe("More than 2 replies");
    expect(repliesLine({ root: say(1), replies: [] }, false)).toBe("No replies yet");
    expect(repliesLine({ root: say(1, { replies: 1 }), replies: [] }, true)).toBe("1 reply");
  });

  it("stand together where one person wrote them within five minutes", () => {
    expect(beginsGroup(say(1), undefined)).toBe(true);
    expect(beginsGroup(say(2, { at: 300_000 }), say(1))).toBe(false);
    expect(beginsGroup(say(2, { at: 300_001 }), say(1))).toBe(true);
    expect(beginsGroup(say(2, { user: "v" }), say(1))).toBe(true);
  });
});
