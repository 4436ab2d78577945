// After subscriptions were lost: compares where channels stand in Redis with what their relays have seen, some hundred at a
// time, however many there are. Used by the relays alone. What a store refuses is asked again until it answered or the
// channel is given up; it never keeps the others waiting.

import type { ChannelHead } from "@rookery/broker";
import type { Position } from "@rookery/protocol";
import { onceReported, pauseAfter } from "./asking-again.ts";

const AT_ONCE = 500;

export interface HeadComparisonOptions {
  /** One promise a channel, in order. */
  heads(this: void, channels: readonly string[]): Promise<ChannelHead>[];
  isWanted(this: void, channel: string): boolean;
  sawHead(this: void, channel: string, head: Position): void;
  /** A store answered something that nobody expects: a fault of ours, told once a comparison. */
  fault(this: void, error: unknown): void;
}

export type CompareHeads = (channels: readonly string[]) => Promise<void>;

export function createHeadComparison({ heads, isWanted, sawHead, fault }: HeadComparisonOptions): CompareHeads {
  /** Answers those whose head could not be read. */
  async function compareSome(channels: readonly string[], report: (error: unknown) => void): Promise<string[]> {
    const wanted = channels.filter(isWanted);
    const outcomes = await Promise.allSettled(heads(wanted));
    return wanted.filter((channel, n) => {
      const outcome = outcomes[n];
      if (outcome?.status === "fulfilled") sawHead(channel, outcome.value.position);
      else report(outcome?.reason);
      return outcome?.status !== "fulfilled";
    });
  }

  return async function compare(channels) {
    const report = onceReported(fault);
    let left = channels;
    for (let attempt = 0; left.length > 0; attempt += 1) {
      if (attempt > 0) await pauseAfter(attempt);
      const refused: string[] = [];
      for (let from = 0; from < left.length; from += AT_ONCE)
        refused.push(...(await compareSome(left.slice(from, from + AT_ONCE), report)));
      left = refused;
    }
  };
}
