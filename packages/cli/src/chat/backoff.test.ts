import { expect, it } from "vitest";
import { createBackoff } from "./backoff.ts";

it("waits between 250 ms and a bound that doubles up to 20 s", () => {
  const shortest = createBackoff(() => 0);
  expect(Array.from({ length: 9 }, () => shortest.nextMs(0))).toEqual(Array(9).fill(250));
  const longest = createBackoff(() => 0.999_999_9);
  expect(Array.from({ length: 9 }, () => longest.nextMs(0))).toEqual([
    500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000,
  ]);
});

it("begins again after a connection that held for 30 s, not after a shorter one", () => {
  const backoff = createBackoff(() => 0.999_999_9);
  for (let n = 0; n < 5; n += 1) backoff.nextMs(0);
  expect(backoff.nextMs(29_999)).toBe(16_000);
  expect(backoff.nextMs(30_000)).toBe(500);
});
