// Contract of ends and reasons: what is given of them means one thing, or is refused.
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { readReason, readSanction } from "./sanction-shape.ts";

const NOW_MS = 1_000_000;

function refusal(read: () => unknown): string {
  try {
    return `read as ${JSON.stringify(read())}`;
  } catch (error) {
    return error instanceof ChatError ? `${error.code}: ${error.message}` : "a fault";
  }
}

describe("a sanction", () => {
  it.each<[string, Parameters<typeof readSanction>[0], number | null]>([
    ["without an end is for good", {}, null],
    ["of no end is for good", { untilMs: null }, null],
    ["until a time ends then", { untilMs: NOW_MS + 1 }, NOW_MS + 1],
    ["for some seconds ends that much later", { forSec: 60 }, NOW_MS + 60_000],
  ])("%s", (_what, given, untilMs) => {
    expect(readSanction(given, NOW_MS)).toEqual({ untilMs, reason: null });
  });

  it.each<[string, Parameters<typeof readSanction>[0], string]>([
    ["two ends", { untilMs: NOW_MS + 1, forSec: 1 }, "exclude each other"],
    ["no end and a time", { untilMs: null, forSec: 1 }, "exclude each other"],
    ["an end that has come", { untilMs: NOW_MS }, '"untilMs" is in the past'],
  ])("with %s is refused", (_what, given, words) => {
    expect(refusal(() => readSanction(given, NOW_MS))).toContain(`invalid: `);
    expect(refusal(() => readSanction(given, NOW_MS))).toContain(words);
  });
});

describe("a reason", () => {
  it.each([
    [undefined, null],
    ["", null],
    [" \n", null],
    [" spam ", "spam"],
    ["a\r\nb", "a\nb"],
    ["\u202espam", "spam"],
    ["😀".repeat(256), "😀".repeat(256)],
  ])("of %j is %j", (given, reason) => {
    expect(readReason(given)).toBe(reason);
  });

  it.each([
    ["x".repeat(257), "at most 256 code points"],
    ["x".repeat(1_000_000), "at most 256 code points"],
    ["a\u0000b", "control characters"],
    ["\ud800", ""],
    ["a" + "\u0300".repeat(31), ""],
  ])("of %j is refused", (given, words) => {
    expect(refusal(() => readReason(given))).toMatch(new RegExp(`^invalid: .*${words}`));
  });
});
