// Contract of waiting for a condition.
import { describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";

describe("eventually", () => {
  it("resolves with the first result that is not false, after errors and falses", async () => {
    let looks = 0;
    const result = await eventually(
      () => {
        looks += 1;
        if (looks === 1) throw new Error("too early");
        return looks > 3 && looks;
      },
      { everyMs: 1 },
    );
    expect(result).toBe(4);
  });

  it("takes undefined, zero and an empty text for an answer", async () => {
    expect(await eventually(() => undefined)).toBeUndefined();
    expect(await eventually(() => Promise.resolve(0))).toBe(0);
    expect(await eventually(() => "")).toBe("");
  });

  it("fails with the last error and the name of the condition", async () => {
    const failing = eventually(() => Promise.reject(new Error("still 3 of 5")), {
      withinMs: 30,
      everyMs: 5,
      what: "all five",
    });
    await expect(failing).rejects.toThrow(/all five did not come about within 30 ms: still 3 of 5/);
  });

  it("fails when the condition stays false", async () => {
    await expect(eventually(() => false, { withinMs: 10, everyMs: 5 })).rejects.toThrow(/it was false/);
  });
});
