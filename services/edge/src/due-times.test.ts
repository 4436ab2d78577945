// Contract of what comes due: never early, soon after, each once, and a crowd of it in shares.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createDueTimes } from "./due-times.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const STEP_MS = 50;

function rig() {
  const handed: { item: string; atMs: number }[] = [];
  const times = createDueTimes<string>({
    stepMs: STEP_MS,
    due: (item) => void handed.push({ item, atMs: performance.now() }),
  });
  return { times, handed, items: () => handed.map(({ item }) => item) };
}

it("an item is handed over once, when it is due and at most a step later", () => {
  const { times, handed } = rig();
  const dueMs = performance.now() + 1234;
  times.set("a", dueMs);
  vi.advanceTimersByTime(10_000);
  expect(handed).toEqual([{ item: "a", atMs: expect.closeTo(dueMs, -2) }]);
  expect(handed[0]?.atMs).toBeGreaterThanOrEqual(dueMs);
  expect(handed[0]?.atMs).toBeLessThanOrEqual(dueMs + STEP_MS + 1);
  expect([times.size, vi.getTimerCount()]).toEqual([0, 0]);
});

it("one that is set again has its last time alone, one that is deleted has none", () => {
  const { times, handed, items } = rig();
  const now = performance.now();
  times.set("a", now + 100);
  times.set("b", now + 100);
  times.set("a", now + 300);
  times.delete("b");
  vi.advanceTimersByTime(290);
  expect([items(), times.has("a"), times.has("b")]).toEqual([[], true, false]);
  vi.advanceTimersByTime(200);
  expect(handed).toHaveLength(1);
});

it("they come in the order of their steps, whichever was set first, also when time has jumped", () => {
  const { times, items } = rig();
  const now = performance.now();
  times.set("late", now + 400);
  times.set("early", now + 100);
  times.set("past", now - 100);
  vi.advanceTimersByTime(1000);
  expect(items()).toEqual(["past", "early", "late"]);
});

it("one that is set again as it is handed over comes again, and holds up nobody", () => {
  let left = 3;
  const handed: string[] = [];
  const times = createDueTimes<string>({
    stepMs: STEP_MS,
    due(item) {
      handed.push(item);
      if (item === "again" && (left -= 1) > 0) times.set("again", performance.now());
    },
  });
  times.set("again", performance.now());
  times.set("other", performance.now() + 200);
  vi.advanceTimersByTime(1000);
  expect(handed).toEqual(["again", "again", "again", "other"]);
});

it("a crowd that is due together is handed over in shares, with turns of the loop between them", () => {
  const { times, handed } = rig();
  for (let n = 0; n < 1000; n += 1) times.set(`item ${n}`, performance.now() + 100);
  const shares: number[] = [];
  while (vi.getTimerCount() > 0) {
    const before = handed.length;
    vi.advanceTimersToNextTimer();
    if (handed.length > before) shares.push(handed.length - before);
  }
  expect(new Set(handed.map(({ item }) => item)).size).toBe(1000);
  expect(Math.max(...shares)).toBeLessThanOrEqual(200);
});

it("nothing is handed over any more once it is closed", () => {
  const { times, handed } = rig();
  times.set("a", performance.now() + 100);
  times.close();
  vi.advanceTimersByTime(1000);
  expect([handed, vi.getTimerCount()]).toEqual([[], 0]);
});
