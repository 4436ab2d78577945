import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findRef } from "./find-ref.ts";

const utf8 = new TextEncoder();
const find = (frame: unknown): string | undefined =>
  findRef(utf8.encode(typeof frame === "string" ? frame : JSON.stringify(frame)));
const LONG = "x".repeat(50_000);

describe("the ref of a frame that is not parsed", () => {
  it.each<[string, unknown]>([
    ["at its start", { type: "send", ref: "r1", body: LONG }],
    ["at its end", { type: "send", body: LONG, ref: "r1" }],
    ["behind nested objects, near its end", { x: [{ y: LONG }, { ref: "no" }, {}], ref: "r1" }],
    ["among white space", `\n{ "ref"\t:\r\n "r1" , "body":"${LONG}"}`],
    ["at its end among white space", `{"body":"${LONG}", "ref" : "r1" }  \n`],
    ["written with escapes", `{"r\\u0065f":"\\u0072\\u0031","body":"${LONG}"}`],
    ["at its end, written with escapes", `{"body":"${LONG}\\\\","r\\u0065f":"\\u0072\\u0031"}`],
    ["behind a text that ends in backslashes and quotes", { body: `${LONG}\\"\\\\"`, ref: "r1" }],
    ["in a frame that breaks off", `{"ref":"r1","body":"${LONG}`],
    ["the last of two", `{"ref":"r0","body":"${LONG}","ref":"r1"}`],
    ["the last of two at its start", `{"ref":"r0","ref":"r1","body":"${LONG}"}`],
  ])("is found %s", (_, frame) => {
    expect(find(frame)).toBe("r1");
  });

  it.each<[string, unknown]>([
    ["nothing", ""],
    ["a list", [{ ref: "r1" }, LONG]],
    ["a ref in a nested object", { after: { ref: "r1" }, body: LONG, meta: { ref: "r1" } }],
    ["a ref within a text", { body: `{"ref":"r1"}${LONG}`, text: `${LONG},"ref":"r1"` }],
    ["a text that is all quotes", { a: '"ref":"r1"'.repeat(500), b: '"ref":"r1"'.repeat(500) }],
    ["a text that is all backslashes", { a: "\\".repeat(5000), b: `${"\\".repeat(5000)}"ref":"r1"` }],
    ["a ref as a value", { a: "ref", b: ["ref", "r1"], body: LONG, c: "ref", d: "r1" }],
    ["a ref that is a number", { ref: 1, body: LONG }],
    ["an empty ref", { ref: "", body: LONG }],
    ["a ref of 65 characters", { ref: "r".repeat(65), body: LONG }],
    ["a ref in the middle", { body: LONG, ref: "r1", more: LONG }],
    ["a text that never ends", `{"${LONG}`],
    ["an unfinished ref", `{"ref":"r1`],
    ["braces", "{".repeat(5000) + "}".repeat(5000)],
  ])("is not seen in %s", (_, frame) => {
    expect(find(frame)).toBeUndefined();
  });

  it("is what JSON.parse finds, in any frame of at most a KiB", () => {
    const ref = fc.oneof(fc.string({ minLength: 1, maxLength: 64 }), fc.constantFrom('"', "\\", '\\"', "}", "ref"));
    const key = fc.oneof(fc.constantFrom("ref", "body", '"ref"', "r\\"), fc.string({ maxLength: 8 }));
    const some = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4, noNullPrototype: true });
    fc.assert(
      fc.property(some, fc.option(ref), some, fc.constantFrom(undefined, 2), (before, own, after, indent) => {
        const frame = { ...before, ...(own === null ? {} : { ref: own }), ...after };
        const text = JSON.stringify(frame, undefined, indent);
        fc.pre(utf8.encode(text).length <= 1024);
        const { ref: read } = frame;
        const isAllowed = typeof read === "string" && read !== "" && Array.from(read).length <= 64;
        expect(find(text)).toBe(isAllowed ? read : undefined);
      }),
    );
  });

  it("never throws, whatever the bytes", () => {
    const noise = fc.array(fc.constantFrom(...utf8.encode('{}[]":,\\ rref1')), { maxLength: 60 });
    fc.assert(
      fc.property(noise, (bytes) => {
        expect(["string", "undefined"]).toContain(typeof findRef(Uint8Array.from(bytes)));
      }),
    );
  });
});
