// One word for one meaning, in code, documents and messages alike: what the glossary of the README gives a word to has no
// other. A pattern here is a word that once stood for something that has another name.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

interface Row {
  readonly instead: string;
  readonly pattern: RegExp;
}

const WORDS: readonly Row[] = [
  {
    instead: "position: to place is a verb",
    pattern:
      /\b(a|an|the|its|this|that|each|one|no|same|own|first|other|another|whose|which|every) places?\b(?! of\b)/i,
  },
  { instead: "unavailable, or cannot be reached", pattern: /\b(not to|cannot|can|to) be had\b/i },
  { instead: "kind, as the discriminant of every union", pattern: /readonly (ok|do): (true|false|")/ },
];

/** Applied migrations are history, and this file names what it forbids. */
const LEFT_OUT = /^packages\/store\/sql\/migrations\/|^tests\/words\.test\.ts$/;

const ROOTS = ["packages", "services", "loadtest", "lab", "tests", "examples", "docs"];
const BUILT_OR_FETCHED = /(^|\/)(dist|node_modules|\.rookery)\//;

const files = [
  "README.md",
  "esbuild.config.mjs",
  "vitest.config.ts",
  ...ROOTS.flatMap((root) => readdirSync(root, { recursive: true, encoding: "utf8" }).map((file) => join(root, file))),
].filter((file) => /\.(ts|mjs|lua|sql|md)$/.test(file) && !BUILT_OR_FETCHED.test(file) && !LEFT_OUT.test(file));

describe("the words of this repository", () => {
  it.each(WORDS)("say $instead", ({ pattern }) => {
    expect(files.length).toBeGreaterThan(400);
    const found = files.flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .flatMap((line, n) => (pattern.test(line) ? `${file}:${n + 1} ${line.trim()}` : [])),
    );
    expect(found).toEqual([]);
  });
});
