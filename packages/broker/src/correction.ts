// What a head says of the last corrections of what its epochs follow, as correct.lua writes it: first|former|prev, parted by
// commas, the newest last. Read by whoever compares heads, so that a correction is told though its envelope was lost. Pure.
import { parsePosition, samePosition } from "@rookery/protocol";
import type { Correction } from "./envelope.ts";

/** None of what is no such text. */
export function readCorrections(text: string): readonly Correction[] {
  return text.split(",").flatMap((written) => {
    const [first, former, prev] = written.split("|").map(parsePosition);
    return first === undefined || former === undefined || prev === undefined ? [] : [{ first, former, prev }];
  });
}

export function sameCorrection(one: Correction, other: Correction): boolean {
  return samePosition(one.first, other.first) && samePosition(one.prev, other.prev);
}

/** Whether nothing was corrected between two looks at a head. */
export function sameCorrections(then: readonly Correction[] = [], now: readonly Correction[] = []): boolean {
  const [last, newest] = [then.at(-1), now.at(-1)];
  return last === undefined || newest === undefined ? last === newest : sameCorrection(last, newest);
}
