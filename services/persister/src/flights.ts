// Batches under way between Postgres and Redis, several at a time as long as no two share a partition: of each partition
// one batch after another, in the order in which they were read. Used by drain.ts. Knows nothing of what a batch is.
// States: those under way, at most so many.

export interface Flights {
  /** Resolves when none of these partitions is under way and there is room for another. */
  clear(partitions: ReadonlySet<number>): Promise<void>;
  /** Only once it is clear. `work` never rejects. */
  launch(partitions: ReadonlySet<number>, work: Promise<void>): void;
  /** Resolves when nothing is under way. */
  landed(): Promise<void>;
}

interface Flight {
  readonly partitions: ReadonlySet<number>;
  readonly landed: Promise<void>;
}

export function createFlights(most: number): Flights {
  const flights = new Set<Flight>();

  const isClear = (partitions: ReadonlySet<number>): boolean =>
    flights.size < most && [...flights].every((flight) => areApart(flight.partitions, partitions));

  return {
    async clear(partitions) {
      while (!isClear(partitions)) await Promise.race([...flights].map(({ landed }) => landed));
    },
    launch(partitions, work) {
      const flight: Flight = { partitions, landed: work.finally(() => flights.delete(flight)) };
      flights.add(flight);
    },
    async landed() {
      await Promise.all([...flights].map(({ landed }) => landed));
    },
  };
}

function areApart(some: ReadonlySet<number>, others: ReadonlySet<number>): boolean {
  for (const one of some) if (others.has(one)) return false;
  return true;
}
