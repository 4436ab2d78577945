import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BREAKS } from "./breaks.ts";
import { FAULTS } from "./faults/all-faults.ts";
import { edited } from "./variant.ts";

describe("a break", () => {
  it.each(BREAKS.map((each) => [each.name, each] as const))(
    "of %s takes out something that is there",
    (_, { edits }) => {
      for (const edit of edits) {
        const source = readFileSync(edit.file, "utf8");
        expect(edited(source, edit)).not.toBe(source);
      }
    },
  );

  it("names a fault that there is", () => {
    const names = new Set(FAULTS.map(({ name }) => name));
    expect(BREAKS.map(({ caughtBy }) => caughtBy).filter((name) => !names.has(name))).toEqual([]);
  });

  it("is refused where its text stands twice, or nowhere", () => {
    const edit = { file: "a.ts", text: "x", instead: "y" };
    expect(edited("a x b", edit)).toBe("a y b");
    expect(() => edited("x x", edit)).toThrow("a.ts holds 2 times: x");
    expect(() => edited("a b", edit)).toThrow("a.ts holds 0 times: x");
  });
});
