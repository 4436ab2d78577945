// Contract of whose turn it is to be read: everybody in calm, few at a time in a backlog, and nobody is forgotten.
import { describe, expect, it } from "vitest";
import { createTurns } from "./turns.ts";

const LIMIT = 1_000;
const ALL = Array.from({ length: 64 }, (_, partition) => partition);
const all = (count: number, of: readonly number[] = ALL): Map<number, number> =>
  new Map(of.map((partition) => [partition, count]));

describe("while little waits", () => {
  it("all are asked, and the read may wait", () => {
    const turns = createTurns();
    expect(turns.next(ALL)).toEqual({ partitions: ALL, isCalm: true });
    turns.learn(ALL, all(3), LIMIT);
    expect(turns.next(ALL)).toEqual({ partitions: ALL, isCalm: true });
  });

  it("and one alone is behind, all are asked, and the read does not wait", () => {
    const turns = createTurns();
    turns.learn(ALL, new Map([[7, 500]]), LIMIT);
    expect(turns.next(ALL)).toEqual({ partitions: ALL, isCalm: false });
    turns.learn(ALL, new Map([[7, 2]]), LIMIT);
    expect(turns.next(ALL).isCalm).toBe(true);
  });
});

describe("in a backlog", () => {
  it("few are asked at a time, and three reads in a row share none", () => {
    const turns = createTurns();
    turns.learn(ALL, all(15), LIMIT);
    const asked = new Set<number>();
    for (let read = 0; read < 16; read += 1) {
      const { partitions } = turns.next(ALL);
      expect(partitions).toHaveLength(4);
      for (const partition of partitions) asked.add(partition);
      turns.learn(partitions, all(250, partitions), LIMIT);
    }
    expect(asked.size).toBe(64);
  });

  it("of two partitions each is asked alone, so that their batches go side by side", () => {
    const turns = createTurns();
    turns.learn([1, 2], all(500, [1, 2]), LIMIT);
    const first = turns.next([1, 2]).partitions;
    turns.learn(first, all(LIMIT, first), LIMIT);
    expect([...first, ...turns.next([1, 2]).partitions]).toEqual([1, 2]);
  });

  it("one that gave less than it might is no longer behind", () => {
    const turns = createTurns();
    turns.learn([1, 2, 3], all(333, [1, 2, 3]), LIMIT);
    turns.learn([1], all(999, [1]), LIMIT);
    expect(turns.next([1, 2, 3]).partitions).toEqual([2]);
    turns.learn([2], all(10, [2]), LIMIT);
    expect(turns.next([1, 2, 3])).toEqual({ partitions: [1, 2, 3], isCalm: false });
  });

  it("those that are not behind are asked by turns", () => {
    const turns = createTurns();
    const behind = [1, 2, 3, 4, 5, 6];
    turns.learn(behind, all(166, behind), LIMIT);
    const asked = new Set<number>();
    for (let read = 0; read < 4; read += 1) {
      const { partitions } = turns.next(ALL);
      for (const partition of partitions) asked.add(partition);
      turns.learn(
        partitions,
        all(
          LIMIT,
          partitions.filter((partition) => behind.includes(partition)),
        ),
        LIMIT,
      );
    }
    expect(asked.size).toBe(64);
  });

  it("are calm again when what was behind is another's", () => {
    const turns = createTurns();
    turns.learn([1, 2, 3, 4], all(250, [1, 2]), LIMIT);
    expect([turns.isCalm([1, 2, 3, 4]), turns.isCalm([3, 4])]).toEqual([false, true]);
  });

  it("one that may not be read now comes next once it may", () => {
    const turns = createTurns();
    turns.learn([1, 2, 3], all(333, [1, 2, 3]), LIMIT);
    expect(turns.next([2, 3]).partitions).toEqual([2]);
    expect(turns.next([1, 2, 3]).partitions).toEqual([1]);
  });
});
