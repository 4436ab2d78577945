// Pure tests of the split into partitions: it is part of every cluster's data and must never change.
import { describe, expect, it } from "vitest";
import { clusterSlot, createPartitions } from "./partitions.ts";

describe("partitions", () => {
  it("gives the slot that Redis Cluster gives", () => {
    // the specification's own check value, and two that `CLUSTER KEYSLOT` answers
    expect(clusterSlot("123456789")).toBe(0x31c3);
    expect(clusterSlot("foo")).toBe(12182);
    expect(clusterSlot("bar")).toBe(5061);
  });

  it.each([1, 3, 64, 100, 1024])("spreads the slots of %i partitions evenly over any equal run of slots", (count) => {
    const partitions = createPartitions(count);
    const slots = Array.from({ length: count }, (_, n) => clusterSlot(partitions.tag(n)));
    for (const nodes of [1, 2, 3, 6]) {
      const perNode = Array.from({ length: nodes }, () => 0);
      for (const slot of slots) {
        const node = Math.floor((slot * nodes) / 16_384);
        perNode[node] = (perNode[node] ?? 0) + 1;
      }
      expect(Math.max(...perNode) - Math.min(...perNode)).toBeLessThanOrEqual(1);
    }
  });

  it("gives every partition a tag of its own, which never changes", () => {
    const partitions = createPartitions(64);
    const tags = Array.from({ length: 64 }, (_, n) => partitions.tag(n));
    expect(new Set(tags).size).toBe(64);
    expect(tags.every((tag, n) => tag === `p${n}` || tag.startsWith(`p${n}x`))).toBe(true);
    expect(tags.slice(0, 3)).toMatchInlineSnapshot(`
      [
        "p0x3",
        "p1x39",
        "p2x41",
      ]
    `);
  });

  it("places a channel by the CRC-32 of its bytes", () => {
    const partitions = createPartitions(64);
    // CRC-32 of "123456789" is cbf43926, of 64 partitions the 38th
    expect(partitions.of("123456789")).toBe(0xcbf43926 % 64);
    expect(partitions.ofUser("123456789")).toBe(partitions.of("123456789"));
    expect(partitions.ofUser("жук")).toBe(createPartitions(64).ofUser("жук"));
  });

  it("spreads channels over all partitions", () => {
    const partitions = createPartitions(64);
    const counts = Array.from({ length: 64 }, () => 0);
    for (let n = 0; n < 64_000; n += 1) {
      const partition = partitions.of(`channel-${n}`);
      counts[partition] = (counts[partition] ?? 0) + 1;
    }
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });

  it.each([0, -1, 1.5, 1025, Number.NaN])("refuses %s partitions", (count) => {
    expect(() => createPartitions(count)).toThrow(RangeError);
  });

  it("refuses a partition that is not there", () => {
    expect(() => createPartitions(4).tag(4)).toThrow(RangeError);
  });
});
