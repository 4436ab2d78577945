import { describe, expect, it } from "vitest";
import { cleanBody, cleanMeta } from "./clean-fields.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

describe("a message from elsewhere obeys the rules of a frame", () => {
  it("cleans body and meta", () => {
    expect(cleanBody("e\u0301\u202e", DEFAULT_LIMITS)).toBe("é");
    expect(cleanMeta({ a: "e\u0301", b: 1, c: true }, DEFAULT_LIMITS)).toEqual({ a: "é", b: 1, c: true });
  });

  it.each([
    [5, "bad_frame"],
    ["", "invalid"],
    ["a\u0000", "invalid"],
    ["x".repeat(4097), "too_large"],
  ])("refuses the body %j", (body, code) => {
    expect(() => cleanBody(body, DEFAULT_LIMITS)).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    [[], "bad_frame"],
    [{ a: null }, "bad_frame"],
    [JSON.parse('{"__proto__":1}'), "bad_frame"],
    [{ a: "\u0000" }, "invalid"],
    [{ a: "x".repeat(1024) }, "too_large"],
  ])("refuses the meta %j", (meta, code) => {
    expect(() => cleanMeta(meta, DEFAULT_LIMITS)).toThrow(expect.objectContaining({ code }));
  });
});
