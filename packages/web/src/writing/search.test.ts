import type { Message } from "@rookery/client";
import { describe, expect, it } from "vitest";
import { beginSearch, searchOn } from "./search.ts";
import type { Found, Search } from "./search.ts";

const say = (body: string | undefined, seq: number): Message => ({
  ...{ type: "message", channel: "c", epoch: 1, seq, id: String(seq), clientId: String(seq), at: 0 },
  ...{ user: "u", name: "U", ...(body === undefined ? { deleted: true } : { body }) },
});

/** How it goes on, to its end. */
function strides(messages: readonly Message[], sought: string, most: number): readonly Search[] {
  const all: Search[] = [];
  for (let search = beginSearch(messages, sought); search.left > 0; all.push(search))
    search = searchOn(search, messages, sought, most);
  return all;
}

const find = (messages: readonly Message[], sought: string, most: number): readonly Found[] =>
  strides(messages, sought, most).at(-1)?.found ?? [];

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

  it("goes through many long messages in strides, and faster once it knows them", () => {
    const long = Array.from({ length: 100 }, (_, n) => say(`${"äé".repeat(1_000)} ${n}`, n));
    const first = strides(long, "ae 42", 10);
    expect(first.length).toBeGreaterThanOrEqual(4);
    expect(first.map(({ left }) => left)).toEqual(first.map(({ left }) => left).toSorted((one, other) => other - one));
    expect(first.at(-1)?.found.map(({ message }) => message.seq)).toEqual([42]);
    expect(strides(long, "ae 4", 100)).toHaveLength(1);
  });
});
