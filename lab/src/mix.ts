// Owns the choice of faults that are injected beside one another. Called by main.ts. Pure but for its chance.
// Must never join two that touch the same thing: one would heal what the other breaks.
import type { Fault } from "./fault.ts";
import type { Random } from "./random.ts";

const MOST_AT_ONCE = 3;

export function drawMix(faults: readonly Fault[], random: Random): Fault[] {
  const drawn: Fault[] = [];
  for (const fault of random.shuffled(faults)) {
    const isApart = drawn.every(({ touches }) => !touches.some((thing) => fault.touches.includes(thing)));
    if (drawn.length < MOST_AT_ONCE && isApart) drawn.push(fault);
  }
  return drawn;
}
