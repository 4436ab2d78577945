import { describe, expect, it } from "vitest";
import { createStopList } from "./stop-list.ts";

function listWithLog() {
  const errors: object[] = [];
  const log = { debug: () => undefined, error: (fields: object) => void errors.push(fields) };
  return { list: createStopList(log), errors };
}

describe("stop functions", () => {
  it("run in reverse order, each after the one before has ended", async () => {
    const { list } = listWithLog();
    const order: string[] = [];
    list.add("first", () => void order.push("first"));
    list.add("second", async () => {
      await Promise.resolve();
      order.push("second");
    });
    expect(await list.run()).toEqual([]);
    expect(order).toEqual(["second", "first"]);
  });

  it("do not hold up the others when one overruns or fails; both are named", async () => {
    const { list, errors } = listWithLog();
    let reached = false;
    list.add("last", () => void (reached = true));
    list.add("throws", () => {
      throw new Error("no");
    });
    list.add("hangs", () => new Promise(() => undefined), 10);
    expect(await list.run()).toEqual(["hangs", "throws"]);
    expect(reached).toBe(true);
    expect(errors).toEqual([
      expect.objectContaining({ step: "hangs", withinMs: 10 }),
      expect.objectContaining({ step: "throws" }),
    ]);
  });

  it("that are registered while others run are run too, and nothing runs twice", async () => {
    const { list } = listWithLog();
    const order: string[] = [];
    list.add("first", () => list.add("late", () => void order.push("late")));
    await list.run();
    await list.run();
    expect(order).toEqual(["late"]);
  });
});
