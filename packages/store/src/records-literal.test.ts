// Contract of arrays of composite values in parameters. That Postgres reads them so is shown by save-batch.pg.test.ts.
import { expect, it } from "vitest";
import type { Cell } from "./array-literal.ts";
import { recordsLiteral } from "./records-literal.ts";

const written = (...records: (readonly Cell[])[]): string =>
  recordsLiteral([(cells: readonly Cell[]) => cells[0] ?? null, (cells) => cells[1] ?? null], records);

it("an array of records writes null as nothing, an empty text as one and numbers bare", () => {
  expect(written()).toBe("{}");
  expect(written([1, null], [null, -2.5])).toBe('{"(1,)","(,-2.5)"}');
  expect(written(["plain {text}", ""], ["null", null])).toBe(String.raw`{"(plain {text},\"\")","(null,)"}`);
});

it("and quotes what would end a field, once for the record and once for the array", () => {
  expect(written(["d,e", "(c)"])).toBe(String.raw`{"(\"d,e\",\"(c)\")"}`);
  expect(written(['say "no"', "a\\b"])).toBe(String.raw`{"(\"say \"\"no\"\"\",\"a\\\\b\")"}`);
});
