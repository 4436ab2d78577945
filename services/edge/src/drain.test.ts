// Contract of a drain's order: it serves while its balancer and other edges have their time, then lets nobody in, tells everybody
// within the window, and closes them slice by slice.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createDrain } from "./drain.ts";
import { createHub } from "./hub.ts";
import { ALICE, NO_SIGNALS, sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const BALANCER_MS = 500;
const WINDOW_MS = 2000;
const SLICES = 20;

function rig(sessions: number, turn: (withinMs: number) => Promise<boolean>) {
  const hub = createHub<Session>();
  const events: string[] = [];
  const told: number[] = [];
  const closedAtMs: number[] = [];
  const warnings: unknown[] = [];
  const beganMs = performance.now();
  for (let n = 0; n < sessions; n += 1) {
    const session = sessionOn(
      {
        send: (text) => void told.push(Number(JSON.parse(text).afterMs)),
        end(code) {
          expect(code).toBe(4000);
          closedAtMs.push(performance.now() - beganMs);
          hub.unregister(session);
        },
      },
      `s${n}`,
    );
    session.identify({ ...ALICE, user: `user-${n}` });
    hub.register(session);
  }
  const note = (event: string) => (): void => void events.push(event);
  const log = { info: () => undefined, warn: (fields: unknown) => void warnings.push(fields), error: () => undefined };
  const signals = { ...NO_SIGNALS, attendance: { ...NO_SIGNALS.attendance, hold: note("presence held") } };
  const drain = createDrain({
    ...{
      edge: { hub, unidentified: new Set<Session>(), log, signals },
      balancerWaitMs: BALANCER_MS,
      windowMs: WINDOW_MS,
    },
  });
  const parts = {
    door: { shut: note("door shut") },
    listener: { stopListening: note("deaf"), hurry: note("hurried") },
    turn: async (withinMs: number) => {
      events.push("turn asked for");
      return turn(withinMs);
    },
  };
  return { drain, run: () => drain.run(parts), events, told, closedAtMs, warnings };
}

it("serves until it was noticed and has its turn, and only then lets nobody in and holds presence", async () => {
  let give = (_isGiven: boolean): void => undefined;
  const { drain, run, events, told, closedAtMs } = rig(2 * SLICES, () => new Promise((resolve) => (give = resolve)));
  expect([drain.stage(), drain.goneShare()]).toEqual(["serving", Number.NaN]);
  const over = run();
  expect(drain.stage()).toBe("noticing");
  await vi.advanceTimersByTimeAsync(BALANCER_MS);
  expect([drain.stage(), events]).toEqual(["waiting", ["turn asked for"]]);
  await vi.advanceTimersByTimeAsync(WINDOW_MS / 2);
  expect([drain.stage(), told]).toEqual(["waiting", []]);
  give(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(events).toEqual(["turn asked for", "deaf", "hurried", "door shut", "presence held"]);
  expect([drain.stage(), told.length, closedAtMs.length]).toEqual(["closing", 2 * SLICES, 2]);
  expect(drain.goneShare()).toBe(1 / SLICES);
  await vi.advanceTimersByTimeAsync(WINDOW_MS);
  await over;
  expect([closedAtMs.length, drain.goneShare()]).toEqual([2 * SLICES, 1]);
});

it("tells each client a time within the window, as many in each slice of it, and closes none before its slice", async () => {
  const { run, told, closedAtMs } = rig(5 * SLICES, () => Promise.resolve(true));
  const over = run();
  await vi.advanceTimersByTimeAsync(BALANCER_MS + WINDOW_MS);
  await over;
  const sliceMs = WINDOW_MS / SLICES;
  const inSlice = Array.from({ length: SLICES }, (_, slice) => told.filter((_each, n) => n % SLICES === slice));
  for (const [slice, times] of inSlice.entries()) {
    expect(times).toHaveLength(5);
    for (const afterMs of times) {
      expect(afterMs).toBeGreaterThanOrEqual(Math.floor(slice * sliceMs));
      expect(afterMs).toBeLessThanOrEqual((slice + 1) * sliceMs);
    }
  }
  const closes = closedAtMs.map((atMs) => Math.round((atMs - BALANCER_MS) / sliceMs));
  expect(closes).toEqual(Array.from({ length: SLICES }, (_, slice) => Array.from({ length: 5 }, () => slice)).flat());
});

it("goes without its turn after a window, and says so", async () => {
  const asked: number[] = [];
  const { drain, run, warnings, closedAtMs } = rig(1, (withinMs) => {
    asked.push(withinMs);
    return Promise.resolve(false);
  });
  const over = run();
  await vi.advanceTimersByTimeAsync(BALANCER_MS);
  await over;
  expect([asked, warnings.length, closedAtMs.length]).toEqual([[WINDOW_MS], 1, 1]);
  expect(drain.withinMs).toBeGreaterThan(BALANCER_MS + 2 * WINDOW_MS);
});

it("takes no turn where nobody is connected, and is over at once", async () => {
  const { drain, run, events } = rig(0, () => Promise.reject(new Error("nobody asks for it")));
  const over = run();
  await vi.advanceTimersByTimeAsync(BALANCER_MS);
  await over;
  expect([events, drain.goneShare()]).toEqual([["deaf", "hurried", "door shut", "presence held"], 1]);
});
