import { describe, expect, it } from "vitest";
import { completed, completionAt, emojiTyped, inserted, namesEmoji } from "./completion.ts";

const at = (text: string): ReturnType<typeof completionAt> => completionAt(text, text.length);

describe("a completion", () => {
  it("begins with @ at a word's start, also before anything is typed", () => {
    expect(at("hi @")).toEqual({ kind: "person", from: 3, part: "" });
    expect(at("@bo")).toEqual({ kind: "person", from: 0, part: "bo" });
    expect(at("(@Zoë")).toEqual({ kind: "person", from: 1, part: "Zoë" });
    for (const none of ["a@b", "hi @bo x", "@@", "mail.@x"]) expect(at(none), none).toBeUndefined();
  });

  it("of an emoji begins with a colon and two letters, and leaves faces and times alone", () => {
    expect(at("well :smi")).toEqual({ kind: "emoji", from: 5, part: "smi" });
    expect([":+1", ":-1", ":100_", ":e-mail"].map((text) => at(text)?.part)).toEqual(["+1", "-1", undefined, "e-mail"]);
    for (const none of [":)", ":s", "10:30", "at :45", "a:smile", "http://x"]) expect(at(none), none).toBeUndefined();
  });

  it("looks at what stands before the caret alone", () => {
    expect(completionAt("@bo and more", 3)).toEqual({ kind: "person", from: 0, part: "bo" });
  });

  it("takes the place of what was typed, with one space behind it", () => {
    const text = "hi @bo there";
    const found = completionAt(text, 6);
    expect(found && completed(text, 6, found, "@bob")).toEqual({ text: "hi @bob there", caret: 8 });
    const last = at("@bo");
    expect(last && completed("@bo", 3, last, "@bob")).toEqual({ text: "@bob ", caret: 5 });
  });
});

describe("an emoji's name", () => {
  const named = (name: string): string | undefined => (name === "tada" ? "🎉" : undefined);

  it("becomes the emoji with its second colon", () => {
    expect(emojiTyped("done :tada:!", 11, named)).toEqual({ text: "done 🎉!", caret: 7 });
    for (const none of ["done :tada", ":nothing:", "::", "std:tada:", "x::tada:"])
      expect(emojiTyped(none, none.length, named)).toBeUndefined();
  });

  it("is looked for where one may stand, and not for an address or a time", () => {
    expect(["hi :ta", ":tada:", "🎉:ta"].map(namesEmoji)).toEqual([true, true, true]);
    expect(["https://example.org", "10:30", "well :)", "a:b"].some(namesEmoji)).toBe(false);
  });

  it("is put where the caret is, in the place of a selection", () => {
    expect(inserted("a-b", 1, 2, "🎉")).toEqual({ text: "a🎉b", caret: 3 });
  });
});
