// Contract of array literals.
import { describe, expect, it } from "vitest";
import { arrayLiteral } from "./array-literal.ts";

describe("an array literal", () => {
  it("tells null, text that says null, the empty text and numbers apart", () => {
    expect(arrayLiteral([null, "null", "", 7])).toBe('{null,"null","",7}');
    expect(arrayLiteral([])).toBe("{}");
  });

  it("escapes quotes and backslashes and nothing else", () => {
    expect(arrayLiteral(['a"b', "c\\d", "{e,f}"])).toBe('{"a\\"b","c\\\\d","{e,f}"}');
  });
});
