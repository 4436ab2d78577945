import { describe, expect, it } from "vitest";
import { loadEmoji } from "./emoji.ts";

describe("the emoji", async () => {
  const { find, named, categories } = await loadEmoji();

  it("are known by the names that other sites have for them", () => {
    expect(["smile", "tada", "+1", "constructor"].map(named)).toEqual(["😄", "🎉", "👍", undefined]);
  });

  it("are found by the start of a name first, then by what stands in it or is meant by it", () => {
    expect(find("smil", 1).map(({ names }) => names[0]?.startsWith("smil"))).toEqual([true]);
    expect(find("party", 20).map(({ emoji }) => emoji)).toContain("🎉");
    expect(find("nothing like it", 5)).toEqual([]);
  });

  it("stand in the order of how well they fit: what is called so, the shorter names, what means it", () => {
    expect(find("smile", 1).map(({ emoji }) => emoji)).toEqual(["😄"]);
    expect(find("thumbs", 2).map(({ names }) => names.at(-1))).toEqual(["thumbsup", "thumbsdown"]);
    const lengths = find("cat", 3).map(({ names }) => Math.min(...names.map((name) => name.length)));
    expect(lengths).toEqual(lengths.toSorted((one, other) => one - other));
  });

  it("stand in a few groups", () => {
    expect(categories.length).toBeGreaterThan(5);
    expect(categories.length).toBeLessThan(15);
  });
});
