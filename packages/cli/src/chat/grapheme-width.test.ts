import { describe, expect, it } from "vitest";
import { clip, graphemesOf, widthOf, wrap } from "./grapheme-width.ts";

describe("the width of a text", () => {
  it.each([
    ["plain", 5],
    ["", 0],
    ["naïve", 5],
    ["e\u0301", 1],
    ["漢字", 4],
    ["한글", 4],
    ["ｆｕｌｌ", 8],
    ["👍", 2],
    ["👩‍👩‍👧", 2],
    ["🇩🇪", 2],
    ["❤️", 2],
    ["1️⃣", 2],
    ["می\u200cخواهم", 7],
  ])("of %j is %i columns", (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });

  it("is counted by what is read as one sign", () => {
    expect(graphemesOf("e\u0301👩‍👩‍👧a")).toEqual(["e\u0301", "👩‍👩‍👧", "a"]);
  });
});

describe("a text in lines", () => {
  it.each<[string, number, string[]]>([
    ["hello world", 5, ["hello", "world"]],
    ["hello world", 8, ["hello", "world"]],
    ["hello", 5, ["hello"]],
    ["", 5, [""]],
    ["aaaaaaa bb", 5, ["aaaaa", "aa bb"]],
    ["one two three", 7, ["one two", "three"]],
    ["漢字漢字", 5, ["漢字", "漢字"]],
    ["a👩‍👩‍👧b", 2, ["a", "👩‍👩‍👧", "b"]],
    ["  set in", 4, [" ", "set", "in"]],
  ])("%j in %i columns", (text, columns, lines) => {
    expect(wrap(text, columns)).toEqual(lines);
  });

  it("is cut with an ellipsis where only one line is wanted", () => {
    expect([clip("hello", 5), clip("hello!", 5), clip("漢字漢", 5)]).toEqual(["hello", "hell…", "漢字…"]);
  });
});
