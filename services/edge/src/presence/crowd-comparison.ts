// After subscriptions were lost: has the crowds of those channels read anew, once nodes have had the time to tell a new Redis of
// their people. What was announced meanwhile is not told again; members hear how many there are. Called by the feed.
// States: resting, settling (channels gather until the time is up), comparing.

import type { Crowd } from "@rookery/broker";
import { createComparison } from "../comparison.ts";

export interface CrowdComparison {
  /** The topics of these are heard again. */
  restored(this: void, channels: readonly string[]): void;
  close(this: void): void;
}

export interface CrowdComparisonOptions {
  readCrowd(this: void, channel: string): Promise<Crowd>;
  hasMembers(this: void, channel: string): boolean;
  saw(this: void, channel: string, crowd: Crowd): void;
  fault(this: void, error: unknown): void;
}

/** A pulse in which every node notices its new master, and what its registering takes. */
const SETTLE_MS = 3000;

export function createCrowdComparison({ readCrowd, hasMembers, ...options }: CrowdComparisonOptions): CrowdComparison {
  const settling = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const compare = createComparison<Crowd>({
    read: (channels) => channels.map(readCrowd),
    isWanted: (channel) => !isClosed && hasMembers(channel),
    ...options,
  });

  function begin(): void {
    timer = undefined;
    const channels = [...settling];
    settling.clear();
    compare(channels).catch(options.fault);
  }

  return {
    restored(channels) {
      for (const channel of channels) settling.add(channel);
      if (isClosed || settling.size === 0) return;
      timer ??= setTimeout(begin, SETTLE_MS).unref();
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
