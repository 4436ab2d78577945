// Contract of composite values in parameters.
import { expect, it } from "vitest";
import { recordLiteral } from "./record-literal.ts";

it("a record writes null as nothing, an empty text as one, numbers bare, and quotes what would end a field", () => {
  expect(recordLiteral([1, null, -2.5])).toBe("(1,,-2.5)");
  expect(recordLiteral(["plain text", "", null, "null"])).toBe('(plain text,"",,null)');
  expect(recordLiteral(['say "no"', "a\\b", "(c)", "d,e", "{f}"])).toBe('("say ""no""","a\\\\b","(c)","d,e",{f})');
});
