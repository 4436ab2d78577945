import { describe, expect, it } from "vitest";
import { createMemoryStorage, openStorage } from "../storage.ts";
import { createDrafts } from "./drafts.ts";
import { asSent, roomFor, typistsLine, whyNotWrite } from "./writing-words.ts";

describe("the line of those who type", () => {
  it("names two, and counts nobody", () => {
    const named = (...names: string[]): string => typistsLine(names.map((name) => ({ user: name, name })));
    expect(named()).toBe("");
    expect(named("Ann")).toBe("Ann is typing…");
    expect(named("Ann", "Bo")).toBe("Ann and Bo are typing…");
    expect(named("Ann", "Bo", "Cy")).toBe("Several people are typing…");
  });
});

describe("why one may not write", () => {
  const show = (ms: number): string => `<${ms}>`;

  it("is a mute as long as it holds, and a role without the right", () => {
    expect(whyNotWrite({ phase: "live", can: ["read"], mutedUntil: 9 }, 5, show)).toBe("You are muted until <9>.");
    expect(whyNotWrite({ phase: "live", can: ["read"], mutedUntil: 9 }, 10, show)).toContain("not write");
    expect(whyNotWrite({ phase: "live", can: ["read", "write"] }, 5, show)).toBeUndefined();
  });

  it("is nothing while nobody knows, since what is written then is kept", () => {
    for (const phase of ["away", "joining"] as const) expect(whyNotWrite({ phase, can: [] }, 0, show)).toBeUndefined();
  });
});

describe("the room for a text", () => {
  it("is told near the limit, in bytes, and beyond it by how much", () => {
    expect(roomFor("x", 1_000)).toEqual({ isTooLong: false, words: "" });
    expect(roomFor("x".repeat(900), 1_000)).toEqual({ isTooLong: false, words: "100 bytes left" });
    expect(roomFor("é".repeat(501), 1_000)).toEqual({ isTooLong: true, words: "2 bytes too long" });
  });
});

describe("what is sent", () => {
  it("has no blank lines before it and nothing unseen behind it, and keeps what leads its first line", () => {
    expect(asSent("\n \n  code {\n\n  }\n \n")).toBe("  code {\n\n  }");
    expect(asSent(" \n\t ")).toBe("");
  });

  it("is found in no time, whatever it is", () => {
    expect(asSent(`${" \n".repeat(50_000)}x${" ".repeat(50_000)}`)).toBe("x");
  });
});

describe("drafts", () => {
  it("are kept by place and by user, and are gone with their last letter", () => {
    const storage = createMemoryStorage();
    const drafts = createDrafts(storage, "ann");
    drafts.set("lobby", "half a thought");
    expect(createDrafts(storage, "ann").get("lobby")).toBe("half a thought");
    expect(createDrafts(storage, "bo").get("lobby")).toBe("");
    drafts.set("lobby", "");
    expect(storage.length).toBe(0);
  });

  it("last as long as the page where the storage is full", () => {
    const full = Object.assign(createMemoryStorage(), {
      setItem() {
        throw new Error("full");
      },
    });
    const drafts = createDrafts(
      openStorage(() => full),
      "ann",
    );
    drafts.set("lobby", "half a thought");
    expect(drafts.get("lobby")).toBe("half a thought");
  });
});
