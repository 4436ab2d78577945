// How high rows are, where each stands, and which of them are to be drawn. Pure: pixels in, indices out. A row that was never drawn has an
// estimate; whoever draws it measures it and puts its true height here.

import { sharedEnds } from "./shared-ends.ts";

export interface Range {
  readonly first: number;
  /** Exclusive. */
  readonly end: number;
}

export interface Seen {
  readonly topPx: number;
  readonly heightPx: number;
}

/** Whatever the size of the window: what the page promises is 200 messages in the document. */
export const MOST_DRAWN = 160;

/** What was known of some rows, for others that came from them by a change. */
export interface KnownHeights<R> {
  readonly rows: readonly R[];
  readonly heights: Float64Array<ArrayBuffer>;
}

export function heightsOf<R>(
  rows: readonly R[],
  before: KnownHeights<R>,
  heightPx: (row: R) => number,
): Float64Array<ArrayBuffer> {
  const { first, last } = sharedEnds(before.rows, rows);
  const heights = new Float64Array(rows.length);
  heights.set(before.heights.subarray(0, first));
  for (const [n, row] of rows.slice(first, rows.length - last).entries()) heights[first + n] = heightPx(row);
  heights.set(before.heights.subarray(before.rows.length - last), rows.length - last);
  return heights;
}

export function sumOf(heights: Float64Array, first: number, end: number): number {
  let sum = 0;
  for (let n = first; n < end; n++) sum += heights[n] ?? 0;
  return sum;
}

/** The row at so many pixels from the top; the last one beyond the end. */
export function rowAt(heights: Float64Array, px: number): number {
  let bottom = 0;
  for (let n = 0; n < heights.length; n++) {
    bottom += heights[n] ?? 0;
    if (bottom > px) return n;
  }
  return Math.max(0, heights.length - 1);
}

/** What is seen and so many pixels more, above and below. */
export function rangeOf(heights: Float64Array, { topPx, heightPx }: Seen, morePx: number): Range {
  if (heights.length === 0) return { first: 0, end: 0 };
  const first = rowAt(heights, Math.max(0, topPx - morePx));
  const last = rowAt(heights, Math.max(0, topPx + heightPx + morePx));
  if (last + 1 - first <= MOST_DRAWN) return { first, end: last + 1 };
  const middle = rowAt(heights, topPx + heightPx / 2);
  const from = Math.max(0, Math.min(middle - MOST_DRAWN / 2, heights.length - MOST_DRAWN));
  return { first: from, end: Math.min(from + MOST_DRAWN, heights.length) };
}
