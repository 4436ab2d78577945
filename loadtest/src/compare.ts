// Holds sides against a baseline: rounds in turn, A B then B A, so that a drift of the machine falls on all alike, and every
// ratio is of two rounds that were neighbours. First the baseline against itself, to know how far a ratio can be trusted.
// Used by every bench that runs processes against each other.

import { median, round } from "./report.ts";

/** What one round gave, by name; the same names at each round of both. */
export type Figures = Readonly<Record<string, number>>;

export interface Side {
  readonly name: string;
  round(this: void): Promise<Figures>;
}

export interface Ratio {
  /** Median of the rounds' ratios. */
  readonly ratio: number;
  /** The lowest and the highest of them. */
  readonly spread: string;
}

export interface Comparison {
  /** Median over the rounds of a side. */
  of(this: void, side: Side, figure: string): number;
  toBaseline(this: void, side: Side, figure: string): Ratio;
  /** The baseline against itself. */
  sameAgainstSame(this: void, figure: string): number;
}

/** One round of each side first, which counts for nothing. */
export async function compare(baseline: Side, others: readonly Side[], rounds: number): Promise<Comparison> {
  const sides = [baseline, ...others];
  for (const side of sides) await side.round();
  const same = [await baseline.round(), await baseline.round()];
  const results = new Map<Side, Figures[]>(sides.map((side) => [side, []]));
  for (let n = 0; n < rounds; n += 1) {
    for (const side of n % 2 === 0 ? sides : sides.toReversed()) results.get(side)?.push(await side.round());
  }
  const values = (side: Side, figure: string): number[] =>
    (results.get(side) ?? []).map((figures) => figures[figure] ?? Number.NaN);
  return {
    of: (side, figure) => round(median(values(side, figure))),
    toBaseline(side, figure) {
      const base = values(baseline, figure);
      const ratios = values(side, figure)
        .map((value, n) => value / (base[n] ?? Number.NaN))
        .toSorted((a, b) => a - b);
      const [low, high] = [ratios[0] ?? Number.NaN, ratios.at(-1) ?? Number.NaN];
      return { ratio: round(median(ratios)), spread: `${round(low)} to ${round(high)}` };
    },
    sameAgainstSame: (figure) => round((same[1]?.[figure] ?? Number.NaN) / (same[0]?.[figure] ?? Number.NaN)),
  };
}
