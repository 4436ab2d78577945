import { expect, it } from "vitest";
import { hardLimitBytes } from "./buffer-budget.ts";

const KIB = 1024;
const LIMITS = { softBytes: 128 * KIB, hardBytes: 1024 * KIB, budgetBytes: 100_000 * KIB };

it("the hard limit stands while half of the budget is free, then falls, and is never nothing", () => {
  const limitAt = (share: number): number => hardLimitBytes(LIMITS, share * LIMITS.budgetBytes) / KIB;
  expect([0, 0.5, 0.75, 0.9, 1, 2].map(limitAt)).toEqual([1024, 1024, 512, expect.closeTo(204.8, 0), 16, 16]);
});

it("a limit that is set lower than that is kept", () => {
  expect(hardLimitBytes({ ...LIMITS, hardBytes: 2 * KIB }, 2 * LIMITS.budgetBytes)).toBe(2 * KIB);
});
