// Pure tests of what is known of the clocks of Redis.
import { describe, expect, it } from "vitest";
import { createRedisClock } from "./redis-clock.ts";

describe("the clock of Redis", () => {
  it("is taken for ours until an answer says otherwise", () => {
    expect(createRedisClock(true).toServer(0, 1_000)).toBe(1_000);
  });

  it("is known within the time that one answer took", () => {
    const clock = createRedisClock(true);
    clock.learn(0, 1_000, 1_010, 301_005);
    expect(Math.abs(clock.toServer(0, 2_000) - 302_000)).toBeLessThanOrEqual(10);
    clock.learn(0, 3_000, 3_002, 3_001 - 60_000);
    expect(Math.abs(clock.toServer(0, 4_000) - (4_000 - 60_000))).toBeLessThanOrEqual(3);
  });

  it("is not moved by an answer that waited and agrees with what is known", () => {
    const clock = createRedisClock(true);
    clock.learn(0, 1_000, 1_001, 6_000);
    const before = clock.toServer(0, 0);
    clock.learn(0, 2_000, 9_000, 9_000);
    expect(clock.toServer(0, 0)).toBe(before);
  });

  it("is another one for each partition of a Cluster", () => {
    const clock = createRedisClock(false);
    clock.learn(1, 1_000, 1_000, 9_000);
    expect(clock.toServer(1, 1_000)).toBeGreaterThanOrEqual(9_000);
    expect(clock.toServer(2, 1_000)).toBe(1_000);
  });

  it("is not guessed once another server may have taken over, until that has answered", () => {
    const clock = createRedisClock(true);
    clock.forget(0);
    expect(clock.toServer(0, 1_000)).toBe(1_000);
    clock.learn(0, 1_000, 1_000, 61_000);
    clock.forget(0);
    expect(clock.toServer(0, 2_000)).toBe(0);
    clock.learn(0, 2_000, 2_000, 1_000);
    expect(clock.toServer(0, 3_000)).toBe(2_001);
  });
});
