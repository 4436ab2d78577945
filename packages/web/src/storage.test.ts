import { describe, expect, it } from "vitest";
import { createMemoryStorage, openStorage } from "./storage.ts";

describe("a storage", () => {
  it("that is full keeps what is new as long as the page is there, and nothing older after it", () => {
    const full = createMemoryStorage();
    full.setItem("a", "old");
    full.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    const storage = openStorage(() => full);
    storage.setItem("a", "new");
    storage.setItem("b", "more");
    expect(["a", "b"].map((key) => storage.getItem(key))).toEqual(["new", "more"]);
    expect(full.getItem("a")).toBeNull();
    storage.removeItem("b");
    expect(storage.getItem("b")).toBeNull();
  });

  it("that the browser keeps from the page is one in memory", () => {
    const storage = openStorage(() => {
      throw new DOMException("no", "SecurityError");
    });
    storage.setItem("a", "here");
    expect([storage.getItem("a"), storage.key(0), storage.length]).toEqual(["here", "a", 1]);
  });
});
