// Every schedule of the small models within narrow bounds: the rules hold in all of them, and whichever rule is left out is
// missed. With wider bounds in models.faults.test.ts.
import { describe, expect, it } from "vitest";
import { explore } from "./explore.ts";
import { fenceModel } from "./fence-model.ts";
import { outboxModel } from "./outbox-model.ts";
import { relayModel } from "./relay-model.ts";

const MOST_STATES = 100_000;
const RELAY = { messages: 2, failovers: 1, heads: 1 };

describe("in every schedule within bounds", () => {
  it("no two messages have one position, whichever masters die, come back with less or change turns", () => {
    const { wrong, schedule, states } = explore(fenceModel(3, 2), MOST_STATES);
    expect({ wrong, schedule }).toEqual({});
    expect(states).toBeGreaterThan(5_000);
  });

  it("each entry of an outbox has one row, and none is trimmed without, with two persisters on it that fail and die", () => {
    const { wrong, schedule, states } = explore(outboxModel(3, 2), MOST_STATES);
    expect({ wrong, schedule }).toEqual({});
    expect(states).toBeGreaterThan(5_000);
  });

  it("a relay delivers each frame or tells that it is missing, and what a failover takes back is told", () => {
    const { wrong, schedule, states } = explore(relayModel(RELAY), MOST_STATES);
    expect({ wrong, schedule }).toEqual({});
    expect(states).toBeGreaterThan(2_000);
  });
});

describe("the shortest schedule is found that goes wrong", () => {
  it.each([
    ["no owner", /^two messages at /, 5],
    ["owner by process", /^two messages at /, 5],
    ["no floor", /^two messages at /, 3],
  ] as const)("with %s in the fence of epochs", (broken, wrong, steps) => {
    const found = explore(fenceModel(3, 2, broken), MOST_STATES);
    expect(found.wrong).toMatch(wrong);
    expect(found.schedule).toHaveLength(steps);
  });

  it.each([
    ["position apart", /^entry 1 ends with 2 rows$/, 3],
    ["no read-after", /^entry 1 ends with 0 rows$/, 6],
    ["trims first", /^entry 1 is trimmed and has no row$/, 3],
  ] as const)("with %s in the drain of the outbox", (broken, wrong, steps) => {
    const found = explore(outboxModel(3, 2, broken), MOST_STATES);
    expect(found.wrong).toMatch(wrong);
    expect(found.schedule).toHaveLength(steps);
  });

  it.each([
    ["no hole check", /is neither delivered nor told as a gap$/, 3],
    ["no pulse", /^1-1 is neither delivered nor told as a gap$/, 1],
    ["nothing taken back", /was taken back, and the client is not told$/, 4],
  ] as const)("with %s in the relay", (broken, wrong, steps) => {
    const found = explore(relayModel(RELAY, broken), MOST_STATES);
    expect(found.wrong).toMatch(wrong);
    expect(found.schedule).toHaveLength(steps);
  });
});
