import { describe, expect, it } from "vitest";
import { cleanText, hasBidiControl, isOver, isWellFormed, showsNothing, utf8Bytes } from "./text.ts";

const clean = (text: string): string | undefined => {
  const cleaned = cleanText(text);
  return cleaned.kind === "text" ? cleaned.text : undefined;
};

describe("text", () => {
  it.each([
    ["plain ASCII", "a\tb\nc ~", "a\tb\nc ~"],
    ["the empty text", "", ""],
    ["NFC", "e\u0301", "é"],
    ["overrides, embeddings, isolates", "a\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069b", "ab"],
    ["what comes together when an override is gone", "e\u202e\u0301", "é"],
    ["plain direction marks stay", "a\u200e\u200fb", "a\u200e\u200fb"],
    ["emoji and joiners stay", "👩‍👩‍👧 🇩🇪", "👩‍👩‍👧 🇩🇪"],
    ["CRLF and a lone CR", "a\r\nb\rc\r\r\n\n", "a\nb\nc\n\n\n"],
    ["markup stays as it is", "<b>&amp;</b>", "<b>&amp;</b>"],
  ])("cleans %s", (_, raw, text) => {
    expect(cleanText(raw)).toEqual({ kind: "text", text });
  });

  it.each(["\u0000", "\u0007", "\u000b", "\u000c", "\u001b", "\u001f", "\u007f", "\u0080", "\u0085", "\u009f"])(
    "refuses the control character %j",
    (control) => {
      const refused = cleanText(`a${control}b`);
      expect(refused.kind === "text" ? "" : refused.message).toMatch(/control/);
    },
  );

  it.each(["\ud800", "a\udc00b", "\udc00\ud800", "😀\ud83d"])("refuses the lone surrogate in %j", (text) => {
    const refused = cleanText(text);
    expect(refused.kind === "text" ? "" : refused.message).toMatch(/surrogate/);
    expect(isWellFormed(text)).toBe(false);
  });

  it("counts bytes of UTF-8", () => {
    expect(["", "a", "é", "€", "😀", "a€😀", "\ud800"].map(utf8Bytes)).toEqual([0, 1, 2, 3, 4, 8, 3]);
    expect(["aaa", "é", "é!", "€", "😀"].map((text) => isOver(text, 3))).toEqual([false, false, false, false, true]);
    expect(isOver("éé", 3)).toBe(true);
  });

  it.each([
    ["30 marks on a letter", `a${"\u0300".repeat(15)}${"\u0323".repeat(15)}b`],
    ["a letter with 30 marks after another", `a${"\u0489".repeat(30)}`.repeat(100)],
    ["Hangul of letters", "\u1112\u1161\u11ab\u1100\u1173\u11af".repeat(300)],
    ["a Hangul vowel after vowel", `\u1100${"\u1161".repeat(500)}`],
    ["Devanagari with signs", "क्षत्रिय ज़िन्दगी ".repeat(100)],
    ["Tibetan stacks", "རྒྱུད་སྐྱོང་".repeat(100)],
    ["Thai with tones", "ที่นี่มีน้ำ".repeat(100)],
    ["Hebrew with points", "בְּרֵאשִׁית בָּרָא ".repeat(100)],
    ["families, flags, keycaps, skin tones", "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿1️⃣👍🏽❤️‍🔥".repeat(100)],
  ])("takes %s", (_, text) => {
    expect(clean(text)).toBe(text.normalize("NFC"));
  });

  it.each([
    ["31 marks in a row", `a${"\u0300".repeat(31)}`],
    ["31 different ones", `a${"\u0300\u0301\u0316\u0323".repeat(8)}`],
    ["31 after an override is gone", `a${"\u0300".repeat(20)}\u202e${"\u0300".repeat(20)}`],
    ["31 once each became two", `a${"\u0344".repeat(16)}`],
    ["31 enclosing or variation marks", `a${"\ufe0f".repeat(20)}${"\u20e3".repeat(20)}`],
    ["31 vowels that compose with the one before", "\u{16d67}".repeat(31)],
    ["thousands, by twos that must be swapped", "\u0300".repeat(2000) + "\u0323".repeat(2000)],
  ])("refuses %s", (_, text) => {
    const refused = cleanText(text);
    expect(refused.kind === "text" ? "" : refused.message).toMatch(/30 combining marks/);
  });

  it("counts every mark there is", () => {
    const uncounted: string[] = [];
    for (let code = 0x300; code <= 0xe_01ef; code += 1) {
      const mark = /\p{M}/u.exec(String.fromCodePoint(code))?.[0] ?? "";
      if (mark !== "" && cleanText(mark.repeat(31)).kind === "text") uncounted.push(mark);
    }
    expect(uncounted).toEqual([]);
  });

  it("counts every character that NFC may join with the one before it, but Hangul's", () => {
    const uncounted: string[] = [];
    for (let code = 0xa0; code < 0x30_000; code += 1) {
      const whole = String.fromCodePoint(code);
      const parts = Array.from(/\p{Cs}|[가-힣]/u.test(whole) ? "" : whole.normalize("NFD"));
      for (const joined of parts.slice(1)) if (cleanText(joined.repeat(31)).kind === "text") uncounted.push(joined);
    }
    expect(uncounted).toEqual([]);
  });

  it("tells what a reader cannot see", () => {
    const unseen = ["", " ", "\u00a0\u3000", "\u200b\u200d\ufeff", "\u0301", "\u3164\u115f", "\u{e0061}", "\u2800"];
    expect(unseen.map(showsNothing)).toEqual(unseen.map(() => true));
    expect(["a", ".", "\u200ba", "👩‍👧", "e\u0301", "ㅤx"].some(showsNothing)).toBe(false);
    expect(["a\u202eb", "\u2066"].every(hasBidiControl)).toBe(true);
    expect(hasBidiControl("a\u200fb")).toBe(false);
  });
});
