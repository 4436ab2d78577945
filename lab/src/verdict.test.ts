import { describe, expect, it } from "vitest";
import type { Fault } from "./fault.ts";
import { renderReasons, renderTable } from "./table.ts";
import { verdictOf } from "./verdict.ts";
import type { Ended } from "./verdict.ts";

const fault = (name: string, more: Partial<Fault> = {}): Fault => ({
  ...{ name, attacks: "A3", does: "something", topologies: ["single"], touches: ["redis"], rounds: 2 },
  inject: () => Promise.resolve(1),
  bites: [{ what: "holes healed", count: ({ grew }) => grew("healed") }],
  ...more,
});

const CUT = fault("cut");

/** A run that is good in every respect, but for what is given. */
const ended = (more: Partial<Ended> = {}, seen: Partial<Ended["seen"]> = {}): Ended => ({
  ...{ name: "cut", faults: [CUT], folder: "/histories/cut", injected: new Map([[CUT, 2]]), recoveriesMs: [20, 310.4] },
  ...{ violations: [], troubles: [], isQuiet: true, excerpt: [] },
  seen: {
    ...{ sent: 2_000, senders: 8, acknowledged: 1_990, unknown: 4, refused: 6, duplicates: 3, delivered: 8_000 },
    ...{ gaps: 0, unrecovered: 0, closed: 0, grew: () => 1, noted: () => 0 },
    ...seen,
  },
  ...more,
});

describe("a run", () => {
  it("held when nothing was broken and everything was felt", () => {
    const outcome = verdictOf(ended());
    expect(outcome).toMatchObject({ verdict: "held", reasons: [], injected: 2, recoveryMs: 310, lost: 0 });
    expect(renderReasons(outcome)).toBe("");
  });

  it.each([
    ["too few messages", ended({}, { sent: 1_999 }), "only 1999 of 2000 messages were sent"],
    ["too few clients", ended({}, { senders: 7 }), "only 7 of 8 clients sent"],
    ["too few injections", ended({ injected: new Map([[CUT, 1]]) }), "cut was injected 1 times of 2"],
    ["no trace of it", ended({}, { grew: () => 0 }), "cut: holes healed: 0 of at least 1"],
  ])("did not bite with %s, which is no pass", (_, run, reason) => {
    expect(verdictOf(run)).toMatchObject({ verdict: "did not bite", reasons: [reason] });
  });

  it("did not recover when it was not quiet in the end, or could not go on", () => {
    expect(verdictOf(ended({ isQuiet: false })).verdict).toBe("did not recover");
    expect(verdictOf(ended({ troubles: ["an ok for everybody did not come about"] })).verdict).toBe("did not recover");
  });

  it("is broken by any rule, whatever else is wrong with it, and says by which", () => {
    const violations = [
      { rule: "a jump without a gap", detail: "bob in cut-1: 1-2" },
      { rule: "one send became two messages", detail: "c1" },
      { rule: "going back", detail: "bob" },
      { rule: "somebody moved", detail: "eve" },
    ];
    const outcome = verdictOf(ended({ violations, isQuiet: false, excerpt: ["bob {}"] }, { sent: 3 }));
    expect(outcome).toMatchObject({ verdict: "BROKEN", lost: 1, duplicated: 1, disordered: 1, otherwise: 1 });
    expect(renderReasons(outcome)).toContain("  a jump without a gap: bob in cut-1: 1-2");
    expect(renderReasons(outcome)).toContain("    bob {}");
  });

  it("of a mix must be felt as a whole, since one fault may hide another", () => {
    const other = fault("other", { bites: [{ what: "nothing", count: () => 0 }] });
    const faults = [CUT, other];
    const injected = new Map(faults.map((each) => [each, 2]));
    expect(verdictOf(ended({ faults, injected }))).toMatchObject({ verdict: "held", name: "cut cut+other" });
    expect(verdictOf(ended({ faults, injected }, { grew: () => 0 })).verdict).toBe("did not bite");
  });
});

it("the table has a line for each run, with its numbers under their titles", () => {
  const [titles = "", line = ""] = renderTable([verdictOf(ended())]).split("\n");
  expect(titles.split(/ {2,}/)).toEqual([
    ...["fault", "injected", "sent", "acknowledged", "unknown", "delivered", "gaps told", "lost", "duplicated"],
    ...["disordered", "other", "recovery ms", "verdict"],
  ]);
  expect(line.split(/ {2,}/)).toEqual([
    "cut",
    "2",
    "2000",
    "1990",
    "4",
    "8000",
    "0",
    "0",
    "0",
    "0",
    "0",
    "310",
    "held",
  ]);
});
