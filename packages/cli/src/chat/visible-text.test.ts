import { describe, expect, it } from "vitest";
import { speaker, visibleBody, visibleLine } from "./visible-text.ts";

const ESC = "\u001b";

describe("text of others in a terminal", () => {
  it.each([
    ["a terminal's own sequences", `${ESC}[2J${ESC}]0;title\u0007`, String.raw`\u{1b}[2J\u{1b}]0;title\u{7}`],
    ["sequences of one character", "\u009b31mred", String.raw`\u{9b}31mred`],
    ["a return to the line's beginning", "x\rbob: hi", String.raw`x\u{d}bob: hi`],
    ["a turned order of letters", "\u202egnp.\u2066", String.raw`\u{202e}gnp.\u{2066}`],
    ["direction marks", "a\u200eb\u061c", String.raw`a\u{200e}b\u{61c}`],
    ["what has no width", "a\u200bb\u2060\ufeff\u00ad", String.raw`a\u{200b}b\u{2060}\u{feff}\u{ad}`],
    ["separators that some terminals break lines at", "a\u2028b\u0085c", String.raw`a\u{2028}b\u{85}c`],
    ["blanks that are letters", "\u3164\u115f", String.raw`\u{3164}\u{115f}`],
    ["hidden ASCII", "hi\u{e0041}", String.raw`hi\u{e0041}`],
    ["half a character", "\ud83d", String.raw`\u{d83d}`],
  ])("neutralises %s, in names and bodies", (_what, text, shown) => {
    expect(visibleLine(text)).toBe(shown);
    expect(visibleBody(text)).toBe(shown);
  });

  it.each(["naïve 漢字 עברית", "👩‍👩‍👧 🇩🇪 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️ 1️⃣", "a  b"])("shows %s as it is", (text) => {
    expect(visibleLine(text)).toBe(text);
    expect(visibleBody(text)).toBe(text);
  });

  it("keeps the joiners of a language in bodies, and shows them in names, which they would make look like others", () => {
    expect(visibleBody("می\u200cخواهم")).toBe("می\u200cخواهم");
    expect(visibleLine("ali\u200cce")).toBe(String.raw`ali\u{200c}ce`);
  });

  it("sets in all lines of a body but the first, and has one line of everything else", () => {
    expect(visibleBody("a\n12:00:00 bob: hi\n\tb")).toBe("a\n         | 12:00:00 bob: hi\n         | \tb");
    expect(visibleLine("a\nb\tc")).toBe(String.raw`a\u{a}b\u{9}c`);
  });
});

describe("a speaker", () => {
  it.each([
    ["alice", "alice", "alice"],
    ["guest-1", "alice", 'guest-1 "alice"'],
    ["guest-1", 'bob: hi" ', String.raw`guest-1 "bob: hi\" "`],
    ["bob: hi", "bob: hi", '"bob: hi"'],
    ["al\u200bice", "al\u200bice", String.raw`"al\u{200b}ice"`],
    ["josé@example.org", "josé@example.org", "josé@example.org"],
  ])("%j called %j is shown as %s: never as another", (user, name, shown) => {
    expect(speaker(user, name)).toBe(shown);
  });
});
