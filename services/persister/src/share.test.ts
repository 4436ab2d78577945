// Contract of how partitions are shared out.
import { describe, expect, it } from "vitest";
import { shareOf, sharersAmong } from "./share.ts";

const nodes = ["persister.a1b2", "persister.c3d4", "persister.e5f6", "persister.g7h8"];
const sharesOf = (living: readonly string[]): number[][] => living.map((node) => shareOf(node, living, 64));

describe("shares of the living persisters", () => {
  it("cover every partition exactly once, whatever the order of the list", () => {
    for (const living of [nodes.slice(0, 1), nodes.slice(0, 2), nodes, nodes.toReversed()]) {
      expect(
        sharesOf(living)
          .flat()
          .toSorted((a, b) => a - b),
      ).toEqual(Array.from({ length: 64 }, (_, n) => n));
    }
  });

  it("are about equal", () => {
    for (const share of sharesOf(nodes)) expect(share.length).toBeGreaterThan(6);
  });

  it("move only the partitions of the one who leaves", () => {
    const before = sharesOf(nodes);
    const left = nodes.slice(1);
    for (const [index, share] of sharesOf(left).entries()) {
      expect(share).toEqual(expect.arrayContaining(before[index + 1] ?? []));
    }
  });

  it("count oneself in, also before the list does", () => {
    expect(shareOf("persister.new1", [], 8)).toHaveLength(8);
    expect(shareOf(nodes[0] ?? "", nodes.slice(1), 64)).toEqual(sharesOf(nodes)[0]);
  });
});

describe("who shares", () => {
  const old = { node: "old" };
  const one = { node: "one", kinds: 1 };
  const two = { node: "two", kinds: 2 };

  it("are those that understand the newest kind, and who tells of none counts lowest", () => {
    expect(sharersAmong(one, [old])).toEqual(["one"]);
    expect(sharersAmong(one, [one, two, old])).toEqual(["two"]);
    expect(sharersAmong(two, [one, two])).toEqual(["two"]);
    expect(sharersAmong(one, [{ ...one, node: "other" }])).toEqual(["one", "other"]);
    expect(sharersAmong(old, [])).toEqual(["old"]);
  });
});
