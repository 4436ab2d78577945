import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isEmojiOnly } from "./emoji-only.ts";
import { folded, isLong } from "./fold.ts";
import { segmentsOf } from "./segments.ts";
import type { Segment } from "./segments.ts";

const KNOWN = new Set(["ann", "bob.b"]);
const parts = (body: string): readonly Segment[] => segmentsOf(body, (id) => KNOWN.has(id));
const text = (body: string): Segment => ({ kind: "text", text: body });
const link = (body: string, href = body): Segment => ({ kind: "link", text: body, href });
const mention = (user: string): Segment => ({ kind: "mention", text: `@${user}`, user });

describe("a body's segments", () => {
  it.each<[string, readonly Segment[]]>([
    ["plain\nlines", [text("plain\nlines")]],
    ["see https://a.example/x.", [text("see "), link("https://a.example/x"), text(".")]],
    ["(http://a.example/w_(y))", [text("("), link("http://a.example/w_(y)"), text(")")]],
    ["https://a.example, then", [link("https://a.example", "https://a.example/"), text(", then")]],
    ["HTTPS://A.example/B", [link("HTTPS://A.example/B", "https://a.example/B")]],
    ["mailto:ann@a.example", [link("mailto:ann@a.example")]],
    ["mailto:nobody", [text("mailto:nobody")]],
    ["https://", [text("https://")]],
    ["xhttps://a.example", [text("xhttps://a.example")]],
    ["hi @ann, @bob.b.", [text("hi "), mention("ann"), text(", "), mention("bob.b"), text(".")]],
    ["@nobody me@ann @@ann", [text("@nobody me@ann @@ann")]],
    ["a `b c` d", [text("a "), { kind: "code", text: "`b c`", code: "b c" }, text(" d")]],
    ["`@ann https://a.example`", [{ kind: "code", text: "`@ann https://a.example`", code: "@ann https://a.example" }]],
    ["``", [text("``")]],
    ["` `", [text("` `")]],
    [
      "so:\n```ts\nlet a = `b`;\n```\nyes",
      [text("so:\n"), { kind: "block", text: "```ts\nlet a = `b`;\n```\n", code: "let a = `b`;" }, text("yes")],
    ],
    ["```not closed", [text("```not closed")]],
  ])("of %j", (body, found) => {
    expect(parts(body)).toEqual(found);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "java\tscript:alert(1)",
    "//a.example",
  ])("hold no link for %j", (body) => {
    expect(parts(body).filter(({ kind }) => kind === "link")).toEqual([]);
  });

  const word = fc.constantFrom(
    ..."` ``` \n @ann @bob.b. @x http:// https://a.example/( ) mailto: mailto:a@b javascript: <b> 👩‍🚀 ts".split(" "),
    " ",
    "\ud800",
  );
  const anyBody = fc.oneof(
    fc.array(fc.oneof(word, fc.string())).map((all) => all.join("")),
    fc.string(),
  );

  it("put together are the body, whatever it is", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const all = parts(body);
        expect(all.map((each) => each.text).join("")).toBe(body);
        expect(all.every((each) => each.text !== "")).toBe(true);
      }),
    );
  });

  it("lead to nothing but http, https and mailto, whatever the body is", () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        const hrefs = parts(body).flatMap((each) => (each.kind === "link" ? [each.href] : []));
        expect(hrefs.filter((href) => !/^(https?:\/\/.|mailto:.)/.test(href))).toEqual([]);
      }),
    );
  });

  it("take no time that grows faster than the body", () => {
    for (const unit of ["`", "@", "https://", "(", "a)", "```\n", "@a.", "mailto:"]) parts(unit.repeat(4096));
    expect(parts(`https://a.example/${")".repeat(4000)}`)).toHaveLength(2);
  });
});

describe("a long message", () => {
  const lines = (n: number): string => Array.from({ length: n }, (_, i) => `line ${i + 1}`).join("\n");

  it("is one of more than 12 lines or 900 characters", () => {
    expect([lines(12), lines(13), "x".repeat(900), "x".repeat(901)].map(isLong)).toEqual([false, true, false, true]);
  });

  it("shows its first eight lines", () => {
    expect(folded(parts(lines(20)))).toEqual([text(`${lines(8)}…`)]);
  });

  it("is cut between words", () => {
    expect(folded([text("word ".repeat(300))])).toEqual([text(`${"word ".repeat(120).trimEnd()}…`)]);
  });

  it("keeps a link whole or leaves it out", () => {
    const far = link(`https://a.example/${"x".repeat(700)}`);
    expect(folded([text("see "), far])).toEqual([text("see "), text("…")]);
  });

  it("cuts a block of code by its lines", () => {
    const [block] = folded(parts(`\`\`\`\n${lines(30)}\n\`\`\``));
    expect(block).toMatchObject({ kind: "block", code: `${lines(8)}…` });
  });

  it("never ends within a pair of surrogates", () => {
    const [cut] = folded([text(`x${"😀".repeat(500)}`)]);
    expect(encodeURIComponent(cut?.text ?? "\ud800")).not.toBe("");
  });
});

describe("a message of emoji alone", () => {
  it.each(["👍", "👩‍🚀 🎉", "🇩🇪", "1️⃣", "❤️", "👍🏽👍🏽"])("is %s", (body) => {
    expect(isEmojiOnly(body)).toBe(true);
  });

  it.each(["", " ", "1", "a👍", "👍 ok", "👍👍👍👍👍👍👍", "#", "👍\n👍"])("is not %j", (body) => {
    expect(isEmojiOnly(body)).toBe(false);
  });
});
