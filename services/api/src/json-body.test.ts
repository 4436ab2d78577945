// Contract of reading a body: what a frame may not be, a body may not be either, and the reader holds however it is made.
import { ChatError, MAX_DEPTH, MAX_KEYS } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { MAX_BODY_BYTES, readJsonBody } from "./json-body.ts";

const read = (text: string): unknown => readJsonBody(Buffer.from(text));

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof ChatError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "read";
}

const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`;
const wide = (keys: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, n])));

describe("a body", () => {
  it("is what its JSON says, and nothing when it has no bytes", () => {
    expect(read('{"a":[1,{"b":null}]}')).toEqual({ a: [1, { b: null }] });
    expect(read("")).toBeUndefined();
  });

  it("may be as deep and as wide as a frame, and no more", () => {
    expect([refusal(nested(MAX_DEPTH)), refusal(wide(MAX_KEYS))]).toEqual(["read", "read"]);
    expect(refusal(nested(MAX_DEPTH + 1))).toBe("bad_frame: the body may be 16 levels deep at most");
    expect(refusal(`{"x":${wide(MAX_KEYS + 1)}}`)).toBe("bad_frame: an object may hold 64 keys at most");
  });

  it.each([
    ["[", "]"],
    ['{"a":', "}"],
    ['[{"a":[', "]}]"],
  ])("of %j without end is refused at whatever size it may have", (opening, closing) => {
    const levels = Math.floor(MAX_BODY_BYTES / 2 / opening.length);
    expect(refusal(`${opening.repeat(levels)}1${closing.repeat(levels)}`)).toMatch(/^bad_frame: the body may be 16/);
  });

  it.each(["__proto__", "constructor", "prototype"])("with the key %s anywhere is refused", (key) => {
    expect(refusal(`{"a":[{"${key}":1}]}`)).toBe(`bad_frame: the key "${key}" is not allowed`);
  });

  it.each(["meta", "claims"])("keeps numbers of %s that a double holds, and refuses others", (name) => {
    expect(read(`{"${name}":{"a":0.1,"b":1e3},"x":12345678901234567890}`)).toMatchObject({
      [name]: { a: 0.1, b: 1000 },
    });
    for (const number of ["12345678901234567890", "0.10000000000000001", "1e999"]) {
      expect(refusal(`{"${name}":{"a":${number}}}`)).toMatch(new RegExp(`^invalid: "${name}" must have no number`));
    }
  });

  it.each(["{", "nul", "{'a':1}", '{"a":1}}', "\ufeff\ufeff{}"])("of %j is no JSON", (text) => {
    expect(refusal(text)).toBe("bad_frame: the body must be JSON in UTF-8");
  });
});
