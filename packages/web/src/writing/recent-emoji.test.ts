import { describe, expect, it } from "vitest";
import { createMemoryStorage } from "../storage.ts";
import { createRecentEmoji } from "./recent-emoji.ts";

describe("the emoji used last", () => {
  it("are kept, the newest first, each once, and no more than two lines of them", () => {
    const storage = createMemoryStorage();
    const recent = createRecentEmoji(storage);
    for (const emoji of ["👍", "🎉", "👍"]) recent.add(emoji);
    expect(createRecentEmoji(storage).list()).toEqual(["👍", "🎉"]);
    for (let n = 0; n < 30; n += 1) recent.add(String(n));
    expect(recent.list()).toHaveLength(16);
    expect(recent.list()[0]).toBe("29");
  });

  it("are none where something else is kept under their name", () => {
    const storage = createMemoryStorage();
    for (const kept of ["{", "7", '{"a":1}', "[1,null]"]) {
      storage.setItem("rookery-page/emoji", kept);
      expect(createRecentEmoji(storage).list()).toEqual([]);
    }
  });
});
