import { describe, expect, it } from "vitest";
import { connectionWords } from "./connection-words.ts";
import type { Connected } from "./connection-words.ts";

const told = (more: Partial<Connected>): string | undefined =>
  connectionWords({ state: "waiting", reason: "", wasOpen: true, isOnline: true, ...more });

describe("the words for a connection", () => {
  it("are none while it is open, whatever the browser believes", () => {
    expect(told({ state: "open", isOnline: false })).toBeUndefined();
  });

  it("tell the first time from a loss, and a loss from being offline", () => {
    expect(told({ wasOpen: false, state: "opening" })).toBe("Connecting…");
    expect(told({})).toContain("Reconnecting");
    expect(told({ isOnline: false })).toContain("You are offline");
  });

  it("tell what ended it for good, and that it is for good where the reason is not known", () => {
    expect(told({ state: "closed", reason: "banned" })).toContain("You are banned");
    expect(told({ state: "closed", reason: "constructor" })).toContain("for good");
  });
});
