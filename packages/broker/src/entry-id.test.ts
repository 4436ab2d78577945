// Pure tests of entry ids and of the floors under epochs.
import { describe, expect, it } from "vitest";
import { BEFORE_FIRST_ENTRY, compareEntryIds, formatEntryId, parseEntryId } from "./entry-id.ts";
import { createEpochFloors } from "./floors.ts";

describe("entry ids", () => {
  it("survive being written and read", () => {
    const id = { epoch: 1_700_000_000_000, number: 42 };
    expect(formatEntryId(id)).toBe("1700000000000-42");
    expect(parseEntryId(formatEntryId(id))).toEqual(id);
    expect(parseEntryId("0-0")).toEqual(BEFORE_FIRST_ENTRY);
  });

  it.each(["", "1", "1-", "-1", "1-2-3", "01-2", "1-x", "1e3-1", "9007199254740992-1", "1-99999999999999999"])(
    "are not %j",
    (text) => {
      expect(parseEntryId(text)).toBeUndefined();
    },
  );

  it("compare by epoch, then number", () => {
    expect(compareEntryIds({ epoch: 2, number: 1 }, { epoch: 1, number: 9 })).toBeGreaterThan(0);
    expect(compareEntryIds({ epoch: 1, number: 9 }, { epoch: 1, number: 10 })).toBeLessThan(0);
    expect(compareEntryIds({ epoch: 1, number: 9 }, { epoch: 1, number: 9 })).toBe(0);
  });
});

describe("floors of epochs", () => {
  it("only rise, each partition for itself", () => {
    const floors = createEpochFloors();
    expect(floors.of(3)).toBe(0);
    floors.see(3, 20);
    floors.see(3, 10);
    expect(floors.of(3)).toBe(20);
    expect(floors.of(4)).toBe(0);
  });

  it("count a partition that is met in a higher epoch than the one known, and not the first", () => {
    const changes = { n: 0 };
    const floors = createEpochFloors(changes);
    for (const epoch of [20, 20, 10, 21, 21]) floors.see(3, epoch);
    floors.see(4, 30);
    expect(changes.n).toBe(1);
  });
});
