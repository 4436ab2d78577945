// The epochs that Postgres has seen, read before this process gives out its first position over an empty Redis: a Redis
// that lost its data and whose clock stepped back would otherwise issue an epoch twice. Read once, tried until it worked.

import type { EntryId, EpochFloors } from "@rookery/broker";

export interface FloorReader {
  /** Resolves when the floors are known; rejects with `unavailable` while Postgres is away. */
  read(): Promise<void>;
}

export function createFloorReader(
  floors: EpochFloors,
  lastIds: () => Promise<ReadonlyMap<number, EntryId>>,
): FloorReader {
  let known: Promise<void> | undefined;
  const load = async (): Promise<void> => {
    for (const [partition, { epoch }] of await lastIds()) floors.see(partition, epoch);
  };
  return {
    read() {
      known ??= load().catch((error: unknown) => {
        known = undefined;
        throw error;
      });
      return known;
    },
  };
}
