import { describe, expect, it } from "vitest";
import { comparePositions, formatPosition, ORIGIN, parsePosition, samePosition } from "./position.ts";

describe("positions", () => {
  it("compare by epoch first, then by seq", () => {
    const ascending = [ORIGIN, { epoch: 1, seq: 9 }, { epoch: 2, seq: 1 }, { epoch: 2, seq: 2 }, { epoch: 10, seq: 0 }];
    expect(ascending.toReversed().toSorted(comparePositions)).toEqual(ascending);
    expect(comparePositions({ epoch: 1, seq: 1 }, { epoch: 1, seq: 1 })).toBe(0);
  });

  it("are the same when both numbers are", () => {
    expect(samePosition({ epoch: 1, seq: 2 }, { epoch: 1, seq: 2 })).toBe(true);
    expect(samePosition({ epoch: 1, seq: 2 }, { epoch: 2, seq: 2 })).toBe(false);
    expect(samePosition({ epoch: 1, seq: 2 }, { epoch: 1, seq: 3 })).toBe(false);
  });

  it("are written as epoch, dash, seq", () => {
    expect(formatPosition({ epoch: 1_700_000_000_000, seq: 7 })).toBe("1700000000000-7");
    expect(parsePosition("1700000000000-7")).toEqual({ epoch: 1_700_000_000_000, seq: 7 });
    expect(parsePosition("0-0")).toEqual(ORIGIN);
  });

  it.each([
    "",
    "1",
    "1-",
    "-1",
    "1-2-3",
    "1.5-1",
    "01-1",
    "1-1 ",
    " 1-1",
    "1e3-1",
    "-1-1",
    "9007199254740992-1",
    "1-\n1",
  ])("are not read from %j", (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });
});
