// The highest epoch of each partition that this process has met, whoever showed it: relays, pulses, Postgres, replies.
// Handed to every publish, so that a Redis which lost its memory never numbers under an epoch already used.
// States: only rises; lives as long as the process.

/** Raised by whoever sees an epoch, read by the publisher. */
export interface EpochFloors {
  see(partition: number, epoch: number): void;
  /** 0 for a partition of which nothing was seen. */
  of(partition: number): number;
}

/** `changes` counts how often a partition of which an epoch was known was met in a higher one. */
export function createEpochFloors(changes: { n: number } = { n: 0 }): EpochFloors {
  const highest = new Map<number, number>();
  return {
    see(partition, epoch) {
      const known = highest.get(partition) ?? 0;
      if (epoch <= known) return;
      highest.set(partition, epoch);
      if (known > 0) changes.n += 1;
    },
    of: (partition) => highest.get(partition) ?? 0,
  };
}
