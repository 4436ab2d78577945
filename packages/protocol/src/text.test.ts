import { describe, expect, it } from "vitest";
import { cleanText, isWellFormed, utf8Bytes } from "./text.ts";

describe("text", () => {
  it.each([
    ["plain ASCII", "a\tb\nc ~", "a\tb\nc ~"],
    ["the empty text", "", ""],
    ["NFC", "e\u0301", "é"],
    ["overrides, embeddings, isolates", "a\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069b", "ab"],
    ["what comes together when an override is gone", "e\u202e\u0301", "é"],
    ["plain direction marks stay", "a\u200e\u200fb", "a\u200e\u200fb"],
    ["emoji and joiners stay", "👩‍👩‍👧 🇩🇪", "👩‍👩‍👧 🇩🇪"],
    ["markup stays as it is", "<b>&amp;</b>", "<b>&amp;</b>"],
  ])("cleans %s", (_, raw, text) => {
    expect(cleanText(raw)).toEqual({ ok: true, text });
  });

  it.each(["\u0000", "\u0007", "\u000b", "\u000c", "\r", "\u001b", "\u001f", "\u007f", "\u0080", "\u0085", "\u009f"])(
    "refuses the control character %j",
    (control) => {
      const clean = cleanText(`a${control}b`);
      expect(clean.ok ? "" : clean.message).toMatch(/control/);
    },
  );

  it.each(["\ud800", "a\udc00b", "\udc00\ud800", "😀\ud83d"])("refuses the lone surrogate in %j", (text) => {
    const clean = cleanText(text);
    expect(clean.ok ? "" : clean.message).toMatch(/surrogate/);
    expect(isWellFormed(text)).toBe(false);
  });

  it("counts bytes of UTF-8", () => {
    expect(["", "a", "é", "€", "😀", "a€😀", "\ud800"].map(utf8Bytes)).toEqual([0, 1, 2, 3, 4, 8, 3]);
  });
});
