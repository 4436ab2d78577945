import { describe, expect, it } from "vitest";
import { createRegistry } from "./metrics.ts";
import { judge, readBounds } from "./thresholds.ts";

const registryOf = () => {
  const registry = createRegistry();
  const waitMs = registry.metric("wait_ms", "trend", true);
  for (const value of [10, 20, 30, 40]) waitMs.add(value);
  registry.metric("lost", "counter").add(2);
  const entered = registry.metric("entered", "rate");
  for (const value of [true, true, true, false]) entered.add(value);
  registry.metric("untouched", "counter");
  registry.metric("untouched_ms", "trend");
  return registry;
};

describe("the bounds of a load script", () => {
  it.each([
    ["wait_ms", "p(75)<32.5", false],
    ["wait_ms", "p(75)<=32.5", true],
    ["wait_ms", "med==25", true],
    ["wait_ms", "max>40", false],
    ["wait_ms", "min>=10", true],
    ["wait_ms", "avg<25", false],
    ["lost", "count==0", false],
    ["lost", "count===2", true],
    ["entered", "rate>0.75", false],
    ["entered", "rate!=1", true],
  ])("%s: %s holds: %s", (metric, text, isOk) => {
    expect(judge(readBounds(registryOf(), { [metric]: [text] }))).toEqual([{ metric, text, isOk }]);
  });

  it("judge what nobody added to as nothing: no loss, and no message either", () => {
    const bounds = { untouched: ["count==0", "count>0"], untouched_ms: ["p(99)<1"] };
    expect(judge(readBounds(registryOf(), bounds)).map(({ isOk }) => isOk)).toEqual([true, false, true]);
  });

  it.each([
    ["a metric that does not exist", "absent", "count==0"],
    ["words that are no bound", "lost", "count is 0"],
    ["an operator that is none", "lost", "count=0"],
    ["a stat that its kind does not have", "lost", "p(99)<1"],
  ])("refuse %s before anything is sent", (_what, metric, text) => {
    expect(() => readBounds(registryOf(), { [metric]: [text] })).toThrow(
      metric === "absent" ? "absent" : /no threshold|no p/,
    );
  });
});

describe("the metrics of a load script", () => {
  it("are the same for all who name them, and of one kind", () => {
    const registry = createRegistry();
    registry.metric("sent", "counter").add(1);
    registry.metric("sent", "counter").add(1);
    expect(registry.find("sent")?.value("count")).toBe(2);
    expect(() => registry.metric("sent", "trend")).toThrow("sent is a counter already");
  });

  it("take numbers only", () => {
    const sink = createRegistry().metric("wait_ms", "trend");
    expect(() => sink.add(Number.NaN)).toThrow("NaN");
    expect(() => createRegistry().metric("with space", "counter")).toThrow("no name");
  });
});
