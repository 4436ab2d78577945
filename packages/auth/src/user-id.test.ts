import { describe, expect, it } from "vitest";
import { displayName, isUserId } from "./user-id.ts";

describe("a user id", () => {
  it.each(["a", "alice", "auth0|5f7c", "Ünï cödé", "é".repeat(64), "x".repeat(128), "🦉"])("may be %j", (id) => {
    expect(isUserId(id)).toBe(true);
  });

  it.each([
    "",
    " a",
    "a ",
    "a\u00a0",
    "a\nb",
    "a\0",
    "a\u0085b",
    "\ud800",
    "x".repeat(129),
    "é".repeat(65),
    "a\u202eb",
    "\u2067a",
    "\u200b",
    "\u200d\ufeff",
    7,
    null,
    undefined,
  ])("may not be %j", (id) => {
    expect(isUserId(id)).toBe(false);
  });
});

describe("a display name", () => {
  it.each([
    ["the claim", "Alice", "Alice"],
    ["the user id when there is none", undefined, "u-1"],
    ["the user id when it is no text", { first: "A" }, "u-1"],
    ["the user id when nothing is left of it", " \u0000\u202e ", "u-1"],
    ["cleaned of control and bidi characters", "Al\u202eic\u0007e", "Alice"],
    ["the user id when what is left shows nothing", "\u200b\u200d", "u-1"],
    ["on one line", " Ann \n Lee ", "Ann Lee"],
    ["in composed form", "e\u0301", "é"],
    ["without marks that are too many", `a${"\u0323".repeat(3000)}`, `ạ${"\u0323".repeat(29)}`],
    ["cut to 64 code points", "🦉".repeat(70), "🦉".repeat(64)],
  ])("is %s", (_what, claim, name) => {
    expect(displayName(claim, "u-1")).toBe(name);
  });
});
