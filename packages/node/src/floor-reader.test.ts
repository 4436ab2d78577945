// Contract of the floors read from Postgres: never older than the call that asked for them.
import { createEpochFloors } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createFloorReader } from "./floor-reader.ts";

interface Table {
  epoch: number;
  reads: number;
  isAway: boolean;
}

function readerOf(table: Table) {
  const floors = createEpochFloors();
  const reader = createFloorReader(floors, async () => {
    table.reads += 1;
    const { epoch, isAway } = table;
    await Promise.resolve();
    if (isAway) throw new ChatError("unavailable", "away");
    return new Map([[3, { epoch, number: 1 }]]);
  });
  return { floors, reader };
}

describe("the floors from Postgres", () => {
  it("are read again at each call, since a partition may have moved on elsewhere", async () => {
    const table = { epoch: 10, reads: 0, isAway: false };
    const { floors, reader } = readerOf(table);
    await reader.read();
    expect(floors.of(3)).toBe(10);
    table.epoch = 20;
    await reader.read();
    expect(floors.of(3)).toBe(20);
  });

  it("are as new as the call also while a read is under way, and one read answers all who wait", async () => {
    const table = { epoch: 10, reads: 0, isAway: false };
    const { floors, reader } = readerOf(table);
    const first = reader.read();
    table.epoch = 20;
    await Promise.all([reader.read(), reader.read(), reader.read()]);
    await first;
    expect(floors.of(3)).toBe(20);
    expect(table.reads).toBe(2);
  });

  it("are unavailable while Postgres is away, and read when it is back", async () => {
    const table = { epoch: 10, reads: 0, isAway: true };
    const { floors, reader } = readerOf(table);
    const both = await Promise.allSettled([reader.read(), reader.read()]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    table.isAway = false;
    await reader.read();
    expect(floors.of(3)).toBe(10);
  });
});
