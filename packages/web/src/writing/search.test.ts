import type { Message } from "@rookery/client";
import { describe, expect, it } from "vitest";
import { find } from "./search.ts";

const say = (body: string | undefined, seq: number): Message => ({
  ...{ type: "message", channel: "c", epoch: 1, seq, id: String(seq), clientId: String(seq), at: 0 },
  ...{ user: "u", name: "U", ...(body === undefined ? { deleted: true } : { body }) },
});

describe("a search", () => {
  it("finds what is there without regard to case and accents, newest first", () => {
    const messages = ["A Café", "tea", "cafe again", undefined].map(say);
    expect(find(messages, " CAFE ", 10).map(({ message }) => message.seq)).toEqual([2, 0]);
  });

  it("marks what was sought", () => {
    expect(find([say("one two three", 1)], "TWO", 1)[0]?.parts).toEqual(["one ", "two", " three"]);
  });

  it("finds nothing for nothing, and no more than was asked for", () => {
    const many = Array.from({ length: 20 }, (_, n) => say("x", n));
    expect(find(many, " ", 5)).toEqual([]);
    expect(find(many, "x", 5)).toHaveLength(5);
  });
});
