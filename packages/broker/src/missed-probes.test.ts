import { expect, it } from "vitest";
import { createMissedProbes } from "./missed-probes.ts";

it("two in a row are told, then every tenth until that which was told of is heard", () => {
  const misses = createMissedProbes();
  const told = Array.from({ length: 12 }, () => misses.missed("link"));
  expect(told.map((count, n) => [n + 1, count]).filter(([, count]) => count !== undefined)).toEqual([
    [2, 2],
    [12, 10],
  ]);
  misses.returned("link");
  expect([misses.missed("link"), misses.missed("link")]).toEqual([undefined, 2]);
});

it("one that comes back in between is no trouble", () => {
  const misses = createMissedProbes();
  expect(misses.missed(6)).toBeUndefined();
  misses.returned(6);
  expect(misses.missed(6)).toBeUndefined();
});

it("a partition whose topics alone are deaf is told though the connection is heard all the time", () => {
  const misses = createMissedProbes();
  expect(misses.missed(6)).toBeUndefined();
  misses.returned("link");
  expect(misses.missed(6)).toBe(2);
  misses.returned("link");
  expect(misses.missed(6)).toBeUndefined();
});
