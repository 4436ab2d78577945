// Contract of where each partition is read from.
import type { EntryId } from "@rookery/broker";
import { describe, expect, it } from "vitest";
import { createCursors } from "./cursors.ts";
import type { Cursors, Reading } from "./cursors.ts";

const entry = (partition: number, epoch: number, number: number) => ({ partition, id: { epoch, number } });
const at = (epoch: number, number: number): EntryId => ({ epoch, number });
const beginning = at(0, 0);
const owning = (...partitions: number[]): ReturnType<typeof createCursors> => {
  const cursors = createCursors();
  cursors.own(partitions);
  return cursors;
};
const lookedUp = (cursors: Cursors): Reading => cursors.reading(cursors.readable());

describe("a partition", () => {
  it("is read from its beginning at first, and again after it was given away and taken back", () => {
    const cursors = owning(1, 2);
    cursors.advance(lookedUp(cursors), [entry(1, 5, 1)]);
    cursors.own([2]);
    cursors.own([1, 2]);
    expect([...lookedUp(cursors).after]).toEqual([
      [2, beginning],
      [1, beginning],
    ]);
  });

  it("is read on behind what was read, and from its beginning once nothing of it is on its way", () => {
    const cursors = owning(1);
    cursors.advance(lookedUp(cursors), [entry(1, 5, 1), entry(1, 5, 2)]);
    expect(lookedUp(cursors).after.get(1)).toEqual(at(5, 2));
    cursors.advance(lookedUp(cursors), [entry(1, 5, 3)]);
    cursors.settle(new Map([[1, at(5, 2)]]));
    expect(lookedUp(cursors).after.get(1)).toEqual(at(5, 3));
    cursors.settle(new Map([[1, at(5, 3)]]));
    expect(lookedUp(cursors).after.get(1)).toEqual(beginning);
  });

  it("is read from its beginning when entries of another epoch follow, and those are left for that read", () => {
    const cursors = owning(1, 2);
    cursors.advance(lookedUp(cursors), [entry(1, 5, 9), entry(2, 4, 1)]);
    const kept = cursors.advance(lookedUp(cursors), [entry(1, 5, 10), entry(1, 6, 11), entry(2, 4, 2)]);
    expect(kept.map(({ partition, id }) => [partition, id.number])).toEqual([
      [1, 10],
      [2, 2],
    ]);
    expect([...lookedUp(cursors).after.values()]).toEqual([beginning, at(4, 2)]);
    expect(cursors.advance(lookedUp(cursors), [entry(1, 5, 10), entry(1, 6, 11)])).toHaveLength(2);
  });

  it("tells another epoch also when it was settled while the read was on its way", () => {
    const cursors = owning(1);
    cursors.advance(lookedUp(cursors), [entry(1, 5, 9)]);
    const reading = lookedUp(cursors);
    cursors.settle(new Map([[1, at(5, 9)]]));
    expect(cursors.advance(reading, [entry(1, 6, 10)])).toEqual([]);
  });

  it("that is another's is left out of what was read", () => {
    const cursors = owning(1);
    const reading = lookedUp(cursors);
    cursors.own([]);
    expect(cursors.advance(reading, [entry(1, 5, 1)])).toEqual([]);
    expect(lookedUp(cursors).after.size).toBe(0);
  });

  it("that went back is not current in what was read before, also when that comes in only then", () => {
    const cursors = owning(1, 2);
    const early = lookedUp(cursors);
    expect(cursors.advance(early, [entry(1, 5, 1), entry(2, 5, 1)])).toHaveLength(2);
    const late = lookedUp(cursors);
    cursors.rewind([1]);
    expect([1, 2].map((partition) => cursors.isCurrent(early, partition))).toEqual([false, true]);
    expect(cursors.advance(late, [entry(1, 5, 2), entry(2, 5, 2)])).toEqual([entry(2, 5, 2)]);
    expect([...lookedUp(cursors).after.values()]).toEqual([beginning, at(5, 2)]);
  });

  it("that rests keeps what was read of it, and is then read from its beginning", () => {
    let nowMs = 0;
    const cursors = createCursors(() => nowMs);
    cursors.own([1, 2]);
    const reading = lookedUp(cursors);
    cursors.advance(reading, [entry(1, 5, 1)]);
    cursors.rest([1], 250);
    expect([cursors.readable(), cursors.isCurrent(reading, 1)]).toEqual([[2], true]);
    nowMs = 250;
    expect(lookedUp(cursors).after.get(1)).toEqual(beginning);
  });
});
