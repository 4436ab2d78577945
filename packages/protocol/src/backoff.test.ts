import { expect, it } from "vitest";
import { backoffMs, RECONNECT } from "./backoff.ts";

const NEARLY_ONE = 0.999_999_9;

it("spreads a client's waits from 250 ms to a bound that doubles up to 20 s", () => {
  const attempts = Array.from({ length: 9 }, (_, n) => n + 1);
  expect(attempts.map((n) => backoffMs(n, RECONNECT, 0))).toEqual(Array(9).fill(250));
  expect(attempts.map((n) => Math.round(backoffMs(n, RECONNECT, NEARLY_ONE)))).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000,
  ]);
});

it("keeps within its bounds however often it has failed", () => {
  const bounds = { floorMs: 20, firstMs: 50, ceilingMs: 1000 };
  for (const doublings of [0, 10, 1023, 1024, 1e9]) {
    expect(backoffMs(doublings, bounds, 0)).toBe(20);
    expect(backoffMs(doublings, bounds, NEARLY_ONE)).toBeLessThan(doublings === 0 ? 50 : 1000);
  }
});

it("may wait for nothing where the floor is 0, and spreads the first wait too", () => {
  const bounds = { floorMs: 0, firstMs: 50, ceilingMs: 1000 };
  expect([0, 0.5].map((random) => backoffMs(0, bounds, random))).toEqual([0, 25]);
});
