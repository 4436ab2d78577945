import { describe, expect, it } from "vitest";
import { createPace } from "./pace.ts";

const MAX_MS = 25;

/** An edge on a clock of its own: `live` lets time pass under a load. */
function rig(maxMs = MAX_MS) {
  const totals = { nowMs: 1000, frames: 0, deliveries: 0, busyMs: 0 };
  const pace = createPace(maxMs, {
    nowMs: () => totals.nowMs,
    frames: () => totals.frames,
    deliveries: () => totals.deliveries,
    busyMs: () => totals.busyMs,
  });
  const live = (ms: number, load: { framesPerSec: number; members: number; use: number }): number[] => {
    const beats: number[] = [];
    const steps = Math.round(ms / 10);
    for (let n = 0; n < steps; n += 1) {
      totals.nowMs += 10;
      totals.frames += load.framesPerSec / 100;
      totals.deliveries += (load.framesPerSec * load.members) / 100;
      totals.busyMs += load.use * 10;
      beats.push(pace.beatMs());
    }
    return beats;
  };
  return { pace, live, totals };
}

const BUSY = { framesPerSec: 100, members: 1000, use: 0.4 };

describe("the beat of an edge", () => {
  it("is none before anything was measured", () => {
    expect(rig().pace.beatMs()).toBe(0);
  });

  it.each([
    ["few deliveries", { framesPerSec: 100, members: 30, use: 0.9 }],
    ["frames so far apart that none would wait for another", { framesPerSec: 10, members: 50_000, use: 0.9 }],
    ["a loop that is nearly idle", { framesPerSec: 100, members: 1000, use: 0.02 }],
  ])("is none with %s", (_what, load) => {
    expect(Math.max(...rig().live(5000, load))).toBe(0);
  });

  it("is the longest within some seconds of a load, and never longer", () => {
    const beats = rig().live(3000, BUSY);
    expect(beats.at(-1)).toBeGreaterThan(MAX_MS * 0.99);
    expect(Math.max(...beats)).toBeLessThanOrEqual(MAX_MS);
  });

  it("grows with the deliveries", () => {
    const ends = [50, 100, 200, 300, 400].map(
      (members) =>
        rig()
          .live(5000, { ...BUSY, members })
          .at(-1) ?? 0,
    );
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    expect(new Set(ends).size).toBe(ends.length);
  });

  it("grows with the use of the loop", () => {
    const ends = [0.03, 0.05, 0.07, 0.1].map(
      (use) =>
        rig()
          .live(5000, { ...BUSY, use })
          .at(-1) ?? 0,
    );
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    expect(new Set(ends).size).toBe(ends.length);
  });

  it("does not swing where it makes the loop less busy itself", () => {
    const { pace, live } = rig();
    const beats: number[] = [];
    for (let n = 0; n < 100; n += 1) beats.push(live(100, { ...BUSY, use: 0.12 - 0.004 * pace.beatMs() }).at(-1) ?? 0);
    const settled = beats.slice(50);
    expect(Math.max(...settled) - Math.min(...settled)).toBeLessThan(1);
    expect(Math.min(...settled)).toBeGreaterThan(1);
  });

  it("is gone when frames come again after a pause, however often it was asked in it", () => {
    const { pace, live, totals } = rig();
    live(3000, BUSY);
    totals.nowMs += 10_000;
    expect(pace.beatMs()).toBe(0);
  });

  it("ends within two seconds of the load", () => {
    const { live } = rig();
    live(3000, BUSY);
    expect(live(2000, { ...BUSY, members: 1 }).at(-1)).toBe(0);
  });

  it("is none where none is allowed, and nothing is measured for it", () => {
    const { live } = rig(0);
    expect(Math.max(...live(3000, BUSY))).toBe(0);
  });
});
