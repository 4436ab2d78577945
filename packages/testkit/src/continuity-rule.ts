// Owns the rule that no sequenced frame is left out in silence: between two frames a client took one after the other lies
// nothing, or a gap it was told of. Called by the checker's table. Pure. Must never take a client's word for what the
// server numbered: holes are found by counting, and across epochs by `prev`.
import { comparePositions, positionText } from "./client-frame.ts";
import type { Position } from "./client-frame.ts";
import { covers } from "./coverage.ts";
import type { Coverage, Stretch } from "./coverage.ts";
import { epochStarts } from "./evidence.ts";
import type { Evidence } from "./evidence.ts";

type Told = (position: Position, lost?: boolean) => boolean;

const toldOf =
  ({ gaps }: Coverage): Told =>
  (position, lost = false) =>
    gaps.some((gap) => covers(gap, position) && (!lost || gap.lost === true));

/** Positions of one epoch after `from` up to `to` that nobody told of. */
const holes = (epoch: number, from: number, to: number, told: Told): string[] => {
  const found: string[] = [];
  for (let seq = from + 1; seq <= to; seq += 1) if (!told({ epoch, seq })) found.push(positionText({ epoch, seq }));
  return found;
};

/** What is wrong between a position and the first frame of a later epoch, which says what it follows. */
const acrossEpochs = (before: Position, next: Position, prev: Position | undefined, told: Told): string[] => {
  if (before.epoch === 0) return holes(next.epoch, 0, next.seq - 1, told);
  if (prev === undefined) return [`${positionText(next)} opens an epoch without prev`];
  const order = comparePositions(prev, before);
  if (order === 0) return [];
  if (order > 0) {
    if (prev.epoch === before.epoch) return holes(prev.epoch, before.seq, prev.seq, told);
    return told(prev) ? [] : [`everything up to ${positionText(prev)}`];
  }
  // What the client holds above `prev` was taken back, and it must know.
  return told(before, true) ? [] : [`${positionText(before)} was taken back untold`];
};

const judge = (evidence: Evidence, coverage: Coverage, stretch: Stretch): string[] => {
  const told = toldOf(coverage);
  const prevs = new Map(epochStarts(evidence, coverage.channel).map((start) => [start.epoch, start.prev]));
  const positions = [...coverage.frames.values()]
    .filter((frame) => comparePositions(stretch.after, frame) < 0 && comparePositions(frame, stretch.reached) <= 0)
    .toSorted(comparePositions);
  const broken: string[] = [];
  let before: Position = stretch.after;
  for (const next of positions) {
    broken.push(
      ...(next.epoch === before.epoch
        ? holes(next.epoch, before.seq, next.seq - 1, told)
        : acrossEpochs(before, next, prevs.get(next.epoch), told)),
    );
    before = next;
  }
  return broken;
};

/** Holes in what clients received, one line each. */
export const jumpsWithoutGap = (evidence: Evidence): string[] =>
  evidence.coverages.flatMap((coverage) =>
    coverage.stretches.flatMap((stretch) =>
      judge(evidence, coverage, stretch).map((hole) => `${coverage.client} in ${coverage.channel}: ${hole}`),
    ),
  );
