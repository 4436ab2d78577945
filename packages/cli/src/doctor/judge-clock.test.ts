import { describe, expect, it } from "vitest";
import { judgeClock, offsetMs } from "./judge-clock.ts";

describe("how far a clock is off", () => {
  it.each([
    [
      "nothing, where its time lies between the question and the answer",
      { sentMs: 0, receivedMs: 9_000, serverMs: 8_999 },
      0,
    ],
    ["what it is ahead of the answer", { sentMs: 0, receivedMs: 100, serverMs: 1_100 }, 1_000],
    ["what it is behind the question", { sentMs: 2_000, receivedMs: 2_100, serverMs: 500 }, -1_500],
  ])("is %s", (_what, look, off) => {
    expect(offsetMs(look)).toBe(off);
  });

  it("is never in trouble where no tokens are judged", () => {
    const look = { sentMs: 0, receivedMs: 0, serverMs: 3_600_000 };
    expect(judgeClock("a", look, undefined).verdict).toBe("warning");
    expect(judgeClock("a", look, 5_000).verdict).toBe("trouble");
  });

  it("begins to count with a second, and is trouble beyond the tolerance alone", () => {
    const at = (serverMs: number) => judgeClock("a", { sentMs: 0, receivedMs: 0, serverMs }, 5_000).verdict;
    expect([999, 1_000, 5_000, 5_001].map(at)).toEqual(["ok", "warning", "warning", "trouble"]);
  });
});
