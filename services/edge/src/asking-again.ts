// How a store that did not answer is asked again: after a while that doubles and is drawn by chance, so that not all holes
// are read in the same moment; and which of its answers are reported. Used by relays and their comparison of heads.

import { backoffMs, ChatError } from "@rookery/protocol";
import { pause } from "@rookery/runtime";

const RETRY = { floorMs: 0, firstMs: 50, ceilingMs: 1000 };

/** Resolves when it is time to ask again after so many attempts in vain, the first being 0. Keeps no process alive. */
export function pauseAfter(attempt: number): Promise<void> {
  return pause(backoffMs(attempt, RETRY, Math.random()), { ref: false });
}

/** A refusal is what a store says while it is away; the first of anything else is reported. */
export function onceReported(fault: (error: unknown) => void): (error: unknown) => void {
  let isReported = false;
  return (error) => {
    if (isReported || error instanceof ChatError) return;
    isReported = true;
    fault(error);
  };
}
