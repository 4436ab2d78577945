// Contract of what is told of tokens that were not taken: the first at once, the others with their number, and never more than
// can be held.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createAuthFailures } from "./auth-failures.ts";
import type { AuthFailureNote, AuthFailures } from "./auth-failures.ts";

let told: AuthFailureNote[] = [];
let failures: AuthFailures;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  told = [];
  failures = createAuthFailures({ note: (failure) => told.push(failure), everyMs: 60_000, mostAddresses: 3 });
});
afterEach(() => {
  failures.close();
  vi.useRealTimers();
});

describe("of one address", () => {
  it("the first is told at once, and what follows within a minute as one, with its number", () => {
    for (let n = 0; n < 50; n += 1) failures.failed("a", n === 49 ? "token_expired" : "unauthenticated");
    failures.failed("b", "unauthenticated");
    const first = [
      { address: "a", reason: "unauthenticated", count: 1 },
      { address: "b", reason: "unauthenticated", count: 1 },
    ];
    expect(told).toEqual(first);
    vi.advanceTimersByTime(65_000);
    expect(told).toEqual([...first, { address: "a", reason: "token_expired", count: 49 }]);
    vi.advanceTimersByTime(130_000);
    expect(told).toHaveLength(3);
    failures.failed("a", "unauthenticated");
    expect(told.at(-1)).toEqual({ address: "a", reason: "unauthenticated", count: 1 });
  });

  it("one that never ends is told once a minute", () => {
    for (let second = 0; second < 300; second += 1) {
      failures.failed("a", "unauthenticated");
      vi.advanceTimersByTime(1_000);
    }
    expect(told.length).toBeGreaterThanOrEqual(5);
    expect(told.length).toBeLessThanOrEqual(6);
  });

  it("what is counted is told at the end", () => {
    failures.failed("a", "unauthenticated");
    failures.failed("a", "unauthenticated");
    failures.close();
    expect(told.map(({ count }) => count)).toEqual([1, 1]);
  });
});

describe("of more addresses than can be held", () => {
  it("the others are told as one", () => {
    for (let n = 0; n < 1_000; n += 1) failures.failed(`address-${n}`, "unauthenticated");
    expect(told.map(({ address }) => address)).toEqual(["address-0", "address-1", "address-2", ""]);
    vi.advanceTimersByTime(65_000);
    expect(told.at(-1)).toEqual({ address: "", reason: "unauthenticated", count: 996 });
  });
});
