import { describe, expect, it } from "vitest";
import { newerSchema, schemaFault } from "./schema-fit.ts";

const KNOWN = ["0001-tables", "0002-reads"];

describe("a schema", () => {
  it("with every migration of this build is worked with, also when a newer one is there", () => {
    expect(schemaFault(KNOWN, KNOWN)).toBeUndefined();
    expect(newerSchema(KNOWN, KNOWN)).toBeUndefined();
    const newer = [...KNOWN, "0003-more"];
    expect(schemaFault(KNOWN, newer)).toBeUndefined();
    expect(newerSchema(KNOWN, newer)).toBe("the schema is newer than this build (0003-more), which works with it");
  });

  it.each([
    [[], "the database has no tables (0001-tables, 0002-reads to be applied): run `rookery migrate up`"],
    [["0001-tables"], "the schema is older than this build (0002-reads to be applied): run `rookery migrate up`"],
  ])("that lacks a migration is told as one to be migrated: %j", (applied, told) => {
    expect(schemaFault(KNOWN, applied)).toMatchObject({ message: told, isNewer: false });
  });

  it("names three migrations and counts the rest", () => {
    const known = ["0001-a", "0002-b", "0003-c", "0004-d", "0005-e"];
    expect(schemaFault(known, [])?.message).toContain("(0001-a, 0002-b, 0003-c, 2 more to be applied)");
  });

  it("with a newer migration that breaks older builds is refused, whatever else is missing", () => {
    expect(schemaFault(KNOWN, ["0001-tables", "0003-breaking-ids"])).toMatchObject({
      isNewer: true,
      message: expect.stringMatching(/newer build.*\(0003-breaking-ids\): run that build or a newer one/),
    });
  });

  it("whose breaking migration is this build's own is worked with", () => {
    const known = [...KNOWN, "0003-breaking-ids"];
    expect(schemaFault(known, known)).toBeUndefined();
  });
});
