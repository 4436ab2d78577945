// Contract of gathered sessions: each is told once within a moment, however often it changed, and none after the end.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createGatheredSessions } from "./gathered-sessions.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function rig() {
  const told: string[] = [];
  return { told, gathered: createGatheredSessions((user, session) => void told.push(`${user} ${session}`)) };
}

it("tells each that changed once, all together, and again when it changes later", () => {
  const { told, gathered } = rig();
  gathered.changed("ann", "1");
  vi.advanceTimersByTime(60);
  gathered.changed("bob", "2");
  gathered.changed("ann", "1");
  expect([told, gathered.size()]).toEqual([[], 2]);
  vi.advanceTimersByTime(60);
  expect([told, gathered.size(), vi.getTimerCount()]).toEqual([["ann 1", "bob 2"], 0, 0]);
  gathered.changed("ann", "1");
  vi.advanceTimersByTime(100);
  expect(told).toEqual(["ann 1", "bob 2", "ann 1"]);
});

it("tells nothing once it is closed", () => {
  const { told, gathered } = rig();
  gathered.changed("ann", "1");
  gathered.close();
  vi.advanceTimersByTime(1000);
  expect([told, vi.getTimerCount()]).toEqual([[], 0]);
});
