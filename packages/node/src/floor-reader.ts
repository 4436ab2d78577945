// The epochs that Postgres has seen, read before this process gives out a position over a Redis that does not know the
// channel: one that lost its data and whose clock stepped back would otherwise issue an epoch twice. Asked for at every
// `cold` and whenever a partition begins to be watched, since it may have moved on elsewhere in the meantime.
// States: idle, reading, or reading with others waiting for the next read, which begins after they asked.

import type { EntryId, EpochFloors } from "@rookery/broker";

export interface FloorReader {
  /** Resolves when the floors as they stand now, or later, are known; rejects with `unavailable` while Postgres is away. */
  read(): Promise<void>;
}

export function createFloorReader(
  floors: EpochFloors,
  lastIds: () => Promise<ReadonlyMap<number, EntryId>>,
): FloorReader {
  let reading: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  async function load(): Promise<void> {
    try {
      for (const [partition, { epoch }] of await lastIds()) floors.see(partition, epoch);
    } finally {
      reading = undefined;
    }
  }

  async function loadAfter(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined);
    next = undefined;
    reading = load();
    await reading;
  }

  return {
    read() {
      if (reading === undefined && next === undefined) return (reading = load());
      // What is under way began before this call, so it may answer what was true before.
      next ??= loadAfter(reading ?? Promise.resolve());
      return next;
    },
  };
}
