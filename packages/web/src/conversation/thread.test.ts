import type { Message } from "@rookery/client";
import { describe, expect, it } from "vitest";
import { threadOf } from "./thread.ts";

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
