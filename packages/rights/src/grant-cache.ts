// The grants that are remembered, one entry a channel since versions are the channel's. Owned by one `Rights`; it reads
// nothing by itself and drops nothing but for room.
// States of a channel: unknown; current (its grant is in force as far as this process hears of changes); doubted (it is known
// to exist, and its grant must be read again). `grants` are in the order in which channels came to be known; the longest
// known are dropped first.
import type { Grant } from "./grant.ts";

export interface GrantCache {
  current(channel: string): Grant | undefined;
  knows(channel: string): boolean;
  /** To be taken before a grant is read and handed in with it: whatever is doubted meanwhile was read too early. */
  doubts(channel: string): number;
  /** What was read last stands, whichever version it has: a Redis that was emptied counts anew. */
  set(channel: string, grant: Grant, doubts: number): void;
  /** All grants of a partition, in no more time than one. */
  doubt(this: void, partition: number): void;
}

interface Remembered {
  readonly grant: Grant;
  readonly partition: number;
  readonly doubts: number;
}

export function createGrantCache(maxChannels: number, partitionOf: (channel: string) => number): GrantCache {
  const grants = new Map<string, Remembered>();
  /** How often each partition was doubted. */
  const doubtsOf = new Map<number, number>();
  const countOf = (partition: number): number => doubtsOf.get(partition) ?? 0;

  return {
    current(channel) {
      const remembered = grants.get(channel);
      return remembered?.doubts === countOf(remembered?.partition ?? 0) ? remembered.grant : undefined;
    },
    knows: (channel) => grants.has(channel),
    doubts: (channel) => countOf(partitionOf(channel)),
    set(channel, grant, doubts) {
      if (grants.size >= maxChannels && !grants.has(channel)) {
        for (const longestKnown of grants.keys()) {
          grants.delete(longestKnown);
          break;
        }
      }
      grants.set(channel, { grant, partition: partitionOf(channel), doubts });
    },
    doubt: (partition) => void doubtsOf.set(partition, countOf(partition) + 1),
  };
}
