import { describe, expect, it } from "vitest";
import { idFromName, isChannelId } from "./channel-id.ts";

describe("a channel's id", () => {
  it("is what the protocol allows, and none of the cluster's own", () => {
    for (const id of ["a", "lobby", "A.b:c-d_9", "x".repeat(64)]) expect(isChannelId(id), id).toBe(true);
    for (const id of ["", "-a", "a b", "dm:abc", "x".repeat(65), "ä"]) expect(isChannelId(id), id).toBe(false);
  });

  it("made of a name is an id wherever anything is left of it", () => {
    expect(idFromName("Tea & Café  talk!")).toBe("tea-cafe-talk");
    expect(idFromName("…")).toBe("");
    expect(isChannelId(idFromName("x ".repeat(100)))).toBe(true);
  });
});
