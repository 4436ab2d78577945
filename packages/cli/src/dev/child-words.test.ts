import { describe, expect, it } from "vitest";
import { wordsOf } from "./child-words.ts";

const entry = (level: string, msg: string, more: object = {}): string => JSON.stringify({ level, msg, ...more });

describe("a log line in words", () => {
  it.each([
    [entry("warn", "this persister waits for Redis: gone"), "this persister waits for Redis: gone"],
    [entry("warn", "redis lost", { detail: "ECONNREFUSED" }), "redis lost: ECONNREFUSED"],
    [entry("warn", "unavailable", { reason: "not attached" }), "unavailable: not attached"],
    [
      entry("fatal", "could not start", { err: { message: "listen EADDRINUSE", stack: "at x" } }),
      "could not start: listen EADDRINUSE",
    ],
    [entry("error", "odd: gone", { reason: "gone" }), "odd: gone"],
    [entry("warn", "two\nlines \u009b31m"), String.raw`two\u{a}lines \u{9b}31m`],
  ])("%s", (line, words) => {
    expect(wordsOf(line)).toBe(words);
  });

  it.each([entry("info", "listening"), "no JSON", "null", "{}", '{"level":"warn"}', ""])("%s says nothing", (line) => {
    expect(wordsOf(line)).toBeUndefined();
  });
});
