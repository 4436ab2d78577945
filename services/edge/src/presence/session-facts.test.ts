// Contract of what is kept and told of a connection: no address that could be read, and a client's name that can be shown.
import { describe, expect, it } from "vitest";
import { hashAddress } from "@rookery/node";
import { createClientNames } from "./client-names.ts";

describe("an address", () => {
  it("is the same hash on every node of a cluster, another one elsewhere, and nothing while there is no key", () => {
    const [one, again] = [1, 2].map(() => hashAddress("cluster a", "192.0.2.1"));
    expect(hashAddress(undefined, "192.0.2.1")).toBe("");
    expect(one).toMatch(/^[\w-]{12}$/);
    expect(again).toBe(one);
    const others = [hashAddress("cluster a", "192.0.2.2"), hashAddress("cluster b", "192.0.2.1")];
    expect(new Set([one, ...others]).size).toBe(3);
  });
});

describe("a client's name", () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux)", "Mozilla/5.0 (X11; Linux)"],
    ["", ""],
    [" \u001b[31mred\u0000\r\nhat\u202e ", "[31mred hat"],
    ["x".repeat(10_000), "x".repeat(64)],
    ["\u{1f600}".repeat(100), "\u{1f600}".repeat(64)],
    ["\ud800lone", "lone"],
  ])("of %j is kept as %j", (given, kept) => expect(createClientNames()(given)).toBe(kept));
});
