import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdsExactly, numbersSurvive } from "./exact-numbers.ts";

const survive = (json: string): boolean => numbersSurvive(json, "meta");

describe("a number", () => {
  it.each([
    ...["0", "-0", "0.0", "0e9", "1", "-1", "0.1", "1.50", "100", "1e2", "1E+2", "12300e-2", "0.00001", "1e21", "1e23"],
    ...["9007199254740992", "100000000000000000000", "5e-324", "1.7976931348623157e308", `1${"0".repeat(300)}`],
    ...["123456789012345", "0.123456789012345", `0.1${"0".repeat(300)}`, "3.141592653589793"],
  ])("%s is held exactly", (literal) => {
    expect(holdsExactly(literal)).toBe(true);
  });

  it.each([
    ...["12345678901234567890", "9007199254740993", "1152921504606846976", "0.10000000000000001", "3.1415926535897932"],
    ...["1.00000000000000000001", "1e999", "-1e999", "1e-400", "1e99999999999999999999", "1e-99999999999999999999"],
    ...["5e-325", `1${"0".repeat(20)}1`],
  ])("%s is not", (literal) => {
    expect(holdsExactly(literal)).toBe(false);
  });

  it("of any double is held exactly in the form that JSON gives it", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(holdsExactly(JSON.stringify(value))).toBe(true);
      }),
    );
  });

  it("of at most 15 digits is held exactly, wherever its point stands", () => {
    fc.assert(
      fc.property(fc.nat(999_999_999_999_999), fc.integer({ min: -280, max: 280 }), (digits, power) => {
        expect(holdsExactly(`${digits}e${power}`)).toBe(true);
      }),
    );
  });
});

describe("numbers of a field", () => {
  it.each([
    '{"meta":{"a":12345678901234567890}}',
    '{ "x":1, "meta" : { "b":"", "a" : 1e999 } }',
    '{"m\\u0065ta":{"a":9007199254740993}}',
    '{"meta":{"a":[1,{"b":0.10000000000000001}]},"y":1}',
  ])("are lost in %s", (json) => {
    expect(survive(json)).toBe(false);
  });

  it.each([
    '{"meta":{"a":1,"b":-0.5,"c":"12345678901234567890"}}',
    '{"x":12345678901234567890,"meta":{"a":1},"y":{"meta":12345678901234567890}}',
    '{"x":"\\"meta\\":","y":12345678901234567890}',
    '[{"meta":12345678901234567890}]',
    "{}",
    '{"meta":"',
  ])("survive in %s", (json) => {
    expect(survive(json)).toBe(true);
  });
});
