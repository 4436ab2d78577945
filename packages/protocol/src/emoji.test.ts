// Contract of what a reaction may be: one grapheme, all of it seen, so that no two that look alike differ.
import { describe, expect, it } from "vitest";
import { createDecoder } from "./decode.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const decode = createDecoder(DEFAULT_LIMITS);
const react = (emoji: string) =>
  decode(
    new TextEncoder().encode(
      JSON.stringify({ type: "react", channel: "c", id: "V1StGXR8_Z5jdHi6B-myT", emoji, on: true }),
    ),
  );

describe("a reaction may be", () => {
  it.each([
    ["an emoji", "👍"],
    ["one with a skin tone", "👍🏽"],
    ["one with its style", "❤️"],
    ["a family of four by joiners", "👩‍👩‍👧‍👦"],
    ["a trade with a skin tone", "👩🏽‍🚀"],
    ["a sequence with a style within it", "🏳️‍🌈"],
    ["a flag of two letters", "🇩🇪"],
    ["a flag by tags", "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}"],
    ["a keycap", "1\ufe0f\u20e3"],
    ["a skin tone alone, which is shown as a swatch", "🏽"],
    ["a letter of a flag alone, which is shown as a letter", "🇩"],
    ["a letter", "x"],
    ["a letter with a mark", "é"],
    ["a conjunct of Devanagari with its joiner", "क्\u200dष"],
  ])("%s", (_what, emoji) => {
    expect(react(emoji)).toMatchObject({ kind: "frame", frame: { emoji } });
  });

  it("what NFC makes of it", () => {
    expect(react("e\u0301")).toMatchObject({ kind: "frame", frame: { emoji: "é" } });
  });
});

describe("a reaction is invalid that is", () => {
  it.each([
    ["nothing", ""],
    ["two emoji", "👍👍"],
    ["two flags", "🇩🇪🇫🇷"],
    ["two letters", "ab"],
    ["an emoji and a space", "👍 "],
    ["a space", " "],
    ["a newline", "\n"],
    ["a joiner", "\u200d"],
    ["a style", "\ufe0f"],
    ["a keycap without a key", "\u20e3"],
    ["a mark without a base", "\u0301"],
    ["the filler of Hangul", "\u3164"],
    ["the blank of Braille", "\u2800"],
    ["an emoji with a joiner behind it", "👍\u200d"],
    ["an emoji with a joiner before it", "\u200d👍"],
    ["an emoji with two joiners", "👩\u200d\u200d🚀"],
    ["an emoji with two styles", "❤\ufe0f\ufe0f"],
    ["an emoji with tags behind it", "👍\u{e0061}\u{e007f}"],
    ["a flag by tags without their end", "\u{1f3f4}\u{e0067}\u{e0062}"],
    ["an emoji with a space of no width", "👍\u200b"],
    ["an emoji with a non-joiner", "👍\u200c"],
    ["half a surrogate pair", "\ud83d"],
    ["a vertical bar", "|"],
    ["a vertical bar behind a sign that goes before", "\u0600|"],
    ["over 64 bytes of joiners", "👩\u200d".repeat(10) + "👩"],
    ["over 30 marks", `e${"\u0323".repeat(31)}`],
  ])("%s", (_what, emoji) => {
    expect(react(emoji)).toMatchObject({ kind: "refusal", error: { code: "invalid" } });
  });

  it("a megabyte of marks, which is not looked at", () => {
    const huge = { ...DEFAULT_LIMITS, frameBytes: 4_000_000 };
    const frame = { type: "react", channel: "c", id: "V1StGXR8_Z5jdHi6B-myT", emoji: "e\u0301".repeat(1e5), on: true };
    expect(createDecoder(huge)(new TextEncoder().encode(JSON.stringify(frame)))).toMatchObject({ kind: "refusal" });
  });
});
