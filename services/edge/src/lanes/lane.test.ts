// Contract of the lanes as states: which events move a socket, what it hears in each, and when it has to go.
import { describe, expect, it } from "vitest";
import {
  BEHIND_AT_MOST_MS,
  fallsIn,
  GAPS_WINDOW_MS,
  LANE_STATES,
  LANE_TRAITS,
  MOST_GAPS,
  nextLane,
  NO_FALLS,
  stuckBy,
} from "./lane.ts";
import type { LaneEvent, LaneState } from "./lane.ts";

const after = (...events: LaneEvent[]): LaneState => events.reduce<LaneState>(nextLane, "live");

describe("a socket", () => {
  it("that fills up loses signals first and gets them back once half of the soft limit is free", () => {
    expect(after("filled")).toBe("quiet");
    expect(after("filled", "filled", "eased")).toBe("live");
    expect(LANE_TRAITS.quiet).toMatchObject({ hearsSignals: false, hearsMessages: true });
  });

  it("that is over its limit gets nothing until nothing waits, and not before it was written what was kept", () => {
    expect(after("overfilled", "eased", "answered", "silent")).toBe("full");
    expect(after("filled", "overfilled", "emptied")).toBe("catching");
    expect(LANE_TRAITS.catching).toMatchObject({ hearsSignals: false, hearsMessages: false });
    expect(after("overfilled", "emptied", "settled")).toBe("live");
    expect(after("overfilled", "emptied", "overfilled")).toBe("full");
  });

  it("whose ping is unanswered is behind until the answer comes, however little waits", () => {
    expect(after("silent", "emptied", "eased")).toBe("silent");
    expect(after("silent", "answered", "settled")).toBe("live");
    expect(after("silent", "overfilled", "answered")).toBe("full");
  });

  it("that has been told to go stays gone, and is told so from every state", () => {
    for (const state of LANE_STATES) expect(nextLane(state, "stuck")).toBe("closed");
    for (const event of ["emptied", "answered", "settled", "eased"] as const)
      expect(nextLane("closed", event)).toBe("closed");
  });
});

describe("time", () => {
  it("runs from the fall behind to the return, catching up included", () => {
    const fallen = fallsIn(fallsIn(NO_FALLS, "full", 1000), "catching", 20_000);
    expect(stuckBy(fallen, 1000 + BEHIND_AT_MOST_MS)).toBeUndefined();
    expect(stuckBy(fallen, 1001 + BEHIND_AT_MOST_MS)).toBe("too_long");
    expect(stuckBy(fallsIn(fallen, "live", 21_000), 1e9)).toBeUndefined();
  });

  it("forgives falls that are older than a minute, and no more than six younger ones", () => {
    let falls = NO_FALLS;
    for (let n = 0; n <= MOST_GAPS; n += 1) {
      expect(stuckBy(falls, n * 1000)).toBeUndefined();
      falls = fallsIn(fallsIn(falls, "live", n * 1000), "full", n * 1000);
    }
    expect(stuckBy(falls, MOST_GAPS * 1000)).toBe("too_often");
    const later = fallsIn(fallsIn(falls, "live", GAPS_WINDOW_MS), "full", GAPS_WINDOW_MS);
    expect(later.timesMs).toHaveLength(MOST_GAPS + 1);
    expect(fallsIn(fallsIn(falls, "live", 1e6), "live", 1e6).timesMs).toEqual([]);
  });
});
