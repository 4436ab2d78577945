import { describe, expect, it } from "vitest";
import { fitPage } from "./pages.ts";

describe("a page", () => {
  it("holds whole frames up to its bytes, commas counted", () => {
    const frames = ["aaaa", "bbbb", "cccc"];
    expect([13, 14, 15].map((maxBytes) => fitPage(frames, maxBytes))).toEqual([2, 3, 3]);
    expect(fitPage(frames, frames.join(",").length)).toBe(3);
  });

  it("counts bytes, not characters", () => {
    expect(fitPage(["é€", "a"], 6)).toBe(1);
    expect(fitPage(["é€", "a"], 7)).toBe(2);
  });

  it("holds at least one frame, so that a reader gets on", () => {
    expect(fitPage(["a long frame", "b"], 3)).toBe(1);
    expect(fitPage([], 3)).toBe(0);
  });
});
