// Contract of the levels of overload: the order in which work is shed, what raises a level, and what brings it down again.
import { describe, expect, it } from "vitest";
import { createLevels, LEVELS, LOOKS_PER_SEC } from "./levels.ts";
import type { Levels } from "./levels.ts";

const LATE_MS = 100;

const at = (levels: Levels, lateMs: number, looks: number, memoryShare = 0): string | undefined => {
  let height = 0;
  for (let n = 0; n < looks; n += 1) height = levels.look({ lateMs, memoryShare });
  return LEVELS[height];
};

describe("the levels of overload", () => {
  it("are new connections first, then signals, then reads of the past", () => {
    expect(LEVELS).toEqual(["calm", "newcomers", "signals", "history"]);
    const levels = createLevels(LATE_MS);
    const found = [99, 100, 199, 200, 399, 400].map((lateMs) => at(levels, lateMs, 5));
    expect(found).toEqual(["calm", "newcomers", "newcomers", "signals", "signals", "history"]);
  });

  it("rise at once as far as most of the last looks ask for, and for one long pause not at all", () => {
    const paused = createLevels(LATE_MS);
    at(paused, 0, 5);
    expect([at(paused, 20_000, 1), at(paused, 20_000, 1), at(paused, 0, 1)]).toEqual(["calm", "calm", "calm"]);
    const late = createLevels(LATE_MS);
    at(late, 0, 5);
    expect([at(late, 450, 2), at(late, 450, 1)]).toEqual(["calm", "history"]);
  });

  it("fall one by one, each after a second below half of what raised it", () => {
    const levels = createLevels(LATE_MS);
    at(levels, 450, 5);
    // The looks of before are out of the middle with the third.
    expect([at(levels, 20, LOOKS_PER_SEC + 1), at(levels, 20, 1)]).toEqual(["history", "signals"]);
    expect([at(levels, 20, LOOKS_PER_SEC - 1), at(levels, 20, 1)]).toEqual(["signals", "newcomers"]);
    expect([at(levels, 20, LOOKS_PER_SEC - 1), at(levels, 20, 1)]).toEqual(["newcomers", "calm"]);
  });

  it("stay while half of what raised them is reached, so that what is shed does not come back by swings", () => {
    const levels = createLevels(LATE_MS);
    at(levels, 210, 5);
    expect(at(levels, 100, 10 * LOOKS_PER_SEC)).toBe("signals");
    expect(at(levels, 99, 2 * LOOKS_PER_SEC)).toBe("newcomers");
    expect(at(levels, 50, 10 * LOOKS_PER_SEC)).toBe("newcomers");
  });

  it("rise by memory as well, at once and without regard to the loop", () => {
    const levels = createLevels(0);
    expect([0.84, 0.85, 0.9, 0.95].map((share) => at(levels, 0, 1, share))).toEqual(LEVELS);
    expect(levels.byMemory()).toBe(3);
    expect(at(levels, 0, 10 * LOOKS_PER_SEC, 0.82)).toBe("newcomers");
    expect(at(levels, 0, LOOKS_PER_SEC, 0.8)).toBe("calm");
  });

  it("say nothing of a loop that may be as late as it likes", () => {
    const levels = createLevels(0);
    expect(at(levels, 60_000, 10)).toBe("calm");
    expect(levels.lateMs()).toBe(60_000);
  });
});
