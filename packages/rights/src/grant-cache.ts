// The grants that are remembered, one entry a channel since versions are the channel's. Owned by one `Rights`; it reads
// nothing by itself and drops nothing but for room.
// States: `grants`, in the order in which channels came to be known; the longest known are forgotten first.
import type { Grant } from "./grant.ts";

export interface GrantCache {
  get(channel: string): Grant | undefined;
  /** What was read last stands, whichever version it has: a Redis that was emptied counts anew. */
  set(channel: string, grant: Grant): void;
}

export function createGrantCache(maxChannels: number): GrantCache {
  const grants = new Map<string, Grant>();
  return {
    get: (channel) => grants.get(channel),
    set(channel, grant) {
      if (grants.size >= maxChannels && !grants.has(channel)) {
        for (const longestKnown of grants.keys()) {
          grants.delete(longestKnown);
          break;
        }
      }
      grants.set(channel, grant);
    },
  };
}
