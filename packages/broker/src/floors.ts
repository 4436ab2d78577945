// The highest epoch of each partition that this process has met, whoever showed it: relays, pulses, Postgres, replies.
// Handed to every publish, so that a Redis which lost its memory never numbers under an epoch already used.
// States: only rises; lives as long as the process.

/** Raised by whoever sees an epoch, read by the publisher. */
export interface EpochFloors {
  see(partition: number, epoch: number): void;
  /** 0 for a partition of which nothing was seen. */
  of(partition: number): number;
}

export function createEpochFloors(): EpochFloors {
  const highest = new Map<number, number>();
  return {
    see(partition, epoch) {
      if (epoch > (highest.get(partition) ?? 0)) highest.set(partition, epoch);
    },
    of: (partition) => highest.get(partition) ?? 0,
  };
}
