import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createTimedEnds } from "./timed-ends.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp() {
  const told: string[] = [];
  const clock = { aheadMs: 5_000 };
  const ends = createTimedEnds({
    redisNowMs: () => performance.now() + clock.aheadMs,
    ended: (channel, user) => told.push(`${channel} ${user}`),
  });
  const inMs = (ms: number): number => performance.now() + clock.aheadMs + ms;
  return { ends, told, clock, inMs };
}

test("an end is told when it has come on Redis' clock, once, and then nothing is kept of it", () => {
  const { ends, told, inMs } = setUp();
  ends.expect("lobby", "ada", inMs(1000));
  vi.advanceTimersByTime(999);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(250);
  expect(told).toEqual(["lobby ada"]);
  expect(ends.size()).toBe(0);
});

test("a clock that turned out to be behind makes an end later, not earlier", () => {
  const { ends, told, clock, inMs } = setUp();
  ends.expect("lobby", "ada", inMs(1000));
  clock.aheadMs -= 2000;
  vi.advanceTimersByTime(2500);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(told).toEqual(["lobby ada"]);
});

test("of two ends the earlier is told", () => {
  const { ends, told, inMs } = setUp();
  ends.expect("lobby", "ada", inMs(5000));
  ends.expect("lobby", "ada", inMs(1000));
  ends.expect("lobby", "ada", inMs(3000));
  vi.advanceTimersByTime(1200);
  expect(told).toEqual(["lobby ada"]);
  expect(ends.size()).toBe(0);
});

test("an end hours ahead is reckoned anew on the way, and comes when it was to come", () => {
  const { ends, told, inMs } = setUp();
  const hoursMs = 3 * 3_600_000;
  ends.expect("lobby", "ada", inMs(hoursMs));
  vi.advanceTimersByTime(hoursMs - 1000);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(2000);
  expect(told).toEqual(["lobby ada"]);
});
