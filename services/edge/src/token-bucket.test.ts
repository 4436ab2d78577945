import { describe, expect, it } from "vitest";
import { TokenBucket, WindowCounter } from "./token-bucket.ts";

describe("a token bucket", () => {
  it("lets the burst through at once and then says how long to wait", () => {
    const bucket = new TokenBucket(3, 0);
    expect([1, 2, 3].map(() => bucket.take(10, 3, 0))).toEqual([0, 0, 0]);
    expect(bucket.take(10, 3, 0)).toBe(100);
    expect(bucket.take(10, 3, 60)).toBe(40);
  });

  it("refills at its rate and never beyond its burst", () => {
    const bucket = new TokenBucket(2, 0);
    bucket.take(10, 2, 0);
    bucket.take(10, 2, 0);
    expect(bucket.take(10, 2, 100)).toBe(0);
    expect(bucket.take(10, 2, 100)).toBe(100);
    expect([1, 2].map(() => bucket.take(10, 2, 60_000))).toEqual([0, 0]);
    expect(bucket.take(10, 2, 60_000)).toBeGreaterThan(0);
  });

  it("is paid in advance into a burst of debt and no further, and says when it may be", () => {
    const bucket = new TokenBucket(10, 0);
    expect([9, 9, 2].map((tokens) => bucket.pay(tokens, 10, 10, 0))).toEqual([0, 0, 0]);
    expect(bucket.pay(5, 10, 10, 0)).toBe(500);
    expect(bucket.pay(5, 10, 10, 400)).toBe(100);
    expect(bucket.pay(5, 10, 10, 500)).toBe(0);
  });

  it("goes into debt for what an action cost beyond its token, and whoever comes next waits for it", () => {
    const bucket = new TokenBucket(5, 0);
    expect(bucket.take(10, 5, 0)).toBe(0);
    bucket.charge(9);
    expect(bucket.take(10, 5, 0)).toBe(600);
    expect(bucket.take(10, 5, 599)).toBeGreaterThan(0);
    expect(bucket.take(10, 5, 700)).toBe(0);
  });
});

describe("a window counter", () => {
  it("starts again when its window has passed", () => {
    const refusals = new WindowCounter();
    expect([0, 10, 99].map((at) => refusals.add(100, at))).toEqual([1, 2, 3]);
    expect(refusals.add(100, 100)).toBe(1);
  });
});
