// After subscriptions were lost: compares what Redis says of channels with what this edge has heard of them, some hundred at a
// time, however many there are. Used by relays for heads and by presence for crowds. What a store refuses is asked again until
// it answered or the channel is given up; it never keeps the others waiting.

import { onceReported, pauseAfter } from "./asking-again.ts";

const AT_ONCE = 500;

export interface ComparisonOptions<Answer> {
  /** One promise a channel, in order. */
  read(this: void, channels: readonly string[]): Promise<Answer>[];
  isWanted(this: void, channel: string): boolean;
  saw(this: void, channel: string, answer: Answer): void;
  /** A store answered something that nobody expects: a fault of ours, told once a comparison. */
  fault(this: void, error: unknown): void;
}

export type Compare = (channels: readonly string[]) => Promise<void>;

export function createComparison<Answer>({ read, isWanted, saw, fault }: ComparisonOptions<Answer>): Compare {
  /** Answers those of which nothing could be read. */
  async function compareSome(channels: readonly string[], report: (error: unknown) => void): Promise<string[]> {
    const wanted = channels.filter(isWanted);
    const outcomes = await Promise.allSettled(read(wanted));
    return wanted.filter((channel, n) => {
      const outcome = outcomes[n];
      if (outcome?.status === "fulfilled") saw(channel, outcome.value);
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
