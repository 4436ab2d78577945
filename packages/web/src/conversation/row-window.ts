// Draws of many rows those that are seen and a few more, between two spaces as high as the rest. What the reader looks at is held by a
// row and where its top stands, never by a scroll position: whatever is put in, taken out or grows elsewhere, that row stays, to the
// pixel. States of the hold: `end`, the last row's foot is at the window's foot and stays there; `row`, that one stays where it is.
//
// Corrections are made before the browser paints. While the reader scrolls they go into the space above and not into the scroll
// position, since writing that would end the momentum of a finger or a wheel; it is put right when the scrolling rests.
import { heightsOf, rangeOf, rowAt, sumOf } from "./extent.ts";
import type { Range } from "./extent.ts";

export interface Windowed {
  readonly key: string;
}

export interface Layout<R> {
  /** Of a row that was never drawn. */
  readonly estimatePx: (row: R, widthPx: number) => number;
  /** Day lines and the like come and go by themselves: the hold passes over them. */
  readonly canHold: (row: R) => boolean;
}

interface Drawn {
  readonly getBoundingClientRect: () => { readonly top: number; readonly height: number };
}

interface Space {
  readonly style: { height: string };
}

interface Box extends Drawn {
  scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
  readonly clientWidth: number;
}

/** Of elements, what is used: what scrolls, and in it, in this order, the space above, the drawn rows, the space below. */
export interface Parts {
  readonly box: Box;
  readonly above: Space;
  readonly list: { readonly children: Iterable<Drawn> & ArrayLike<Drawn> };
  readonly below: Space;
}

export interface View {
  readonly isAtEnd: boolean;
  /** The rows that are seen, even in part. */
  readonly first: number;
  readonly last: number;
  /** How far the window's top is from the first row's. */
  readonly topPx: number;
  readonly heightPx: number;
}

export interface RowWindow<R> {
  /** Before drawing: the reader may have scrolled, and the browser tells of that later. */
  readonly notice: (parts: Parts) => void;
  /** While drawing: which of these rows. */
  readonly layOut: (rows: readonly R[]) => Range;
  /** Right after drawing, and whenever something has another size: measures, and puts the held row where it was. */
  readonly settle: (parts: Parts) => void;
  readonly scrolled: (parts: Parts) => void;
  /** Before the first drawing of what there is to read, which then is nowhere else for a moment. */
  readonly startAt: (key: string, share: number) => void;
  readonly goToEnd: () => void;
  /** So that the row's top stands at this share of the window's height. */
  readonly goTo: (key: string, share: number) => void;
  /** Keeps a drawn row where it is while it changes. */
  readonly hold: (key: string, parts: Parts) => void;
  readonly stop: () => void;
}

type Hold = { readonly kind: "end" } | { readonly kind: "row"; readonly key: string; readonly topPx: number };

/** Drawn beyond what is seen, each way: some turns of a wheel. Half of it is left when the next ones are drawn. */
const MORE_PX = 500;
/** The same where the reader swings by whole windows at once, and nothing that is drawn is of use: the rest follows at rest. */
const BARE_PX = 100;
/** Whoever comes closer to the foot than this is there; whoever leaves it has left with the first pixel. */
const END_PX = 24;
const REST_MS = 150;
/** Less is what browsers round by. */
const OFF_PX = 0.6;
const NOTHING_KNOWN = { rows: [], heights: new Float64Array() };

export function createRowWindow<R extends Windowed>(
  { estimatePx, canHold }: Layout<R>,
  redraw: () => void,
  moved: (view: View) => void,
): RowWindow<R> {
  const measured = new Map<string, number>();
  const size = { widthPx: 600, heightPx: 800 };
  let rows: readonly R[] = [];
  let heights = new Float64Array();
  let range: Range = { first: 0, end: 0 };
  let hold: Hold = { kind: "end" };
  /** By which the space above differs from the rows that it stands for. */
  let slackPx = 0;
  let topPx = 0;
  let scrollTop = 0;
  let laidOutPx = 0;
  let isBare = false;
  let rest: ReturnType<typeof setTimeout> | undefined;

  const indexOf = (key: string): number => rows.findIndex((row) => row.key === key);
  const elementOf = (key: string, { list }: Parts): Drawn | undefined => list.children[indexOf(key) - range.first];
  const heldTop = (): number => {
    if (hold.kind === "end") return sumOf(heights, 0, heights.length) - size.heightPx;
    const n = indexOf(hold.key);
    return n < 0 ? topPx : sumOf(heights, 0, n) - hold.topPx;
  };
  const rangeHere = (): Range => {
    const seen = { topPx: heldTop(), heightPx: size.heightPx };
    const wide = rangeOf(heights, seen, MORE_PX);
    isBare = rest !== undefined && (wide.end <= range.first || wide.first >= range.end);
    range = isBare ? rangeOf(heights, seen, BARE_PX) : wide;
    return range;
  };
  /** Where the drawn rows begin below the window's top, what is above them has but an estimate: one of them is held. */
  const firstToHold = (): number => {
    const seen = rowAt(heights, topPx);
    const isDrawnBelow = range.first > seen && sumOf(heights, seen, range.first) < size.heightPx;
    const from = isDrawnBelow ? range.first : seen;
    return rows.findIndex((row, n) => n >= from && canHold(row));
  };
  const holdHere = (box: Box, endPx: number): void => {
    const n = firstToHold();
    const row = rows[n];
    const isAtEnd = !row || box.scrollHeight - box.clientHeight - box.scrollTop <= endPx;
    hold = isAtEnd ? { kind: "end" } : { kind: "row", key: row.key, topPx: sumOf(heights, 0, n) - topPx };
  };
  const measure = ({ list }: Parts): void => {
    for (const [n, element] of [...list.children].entries()) {
      const row = rows[range.first + n];
      const { height } = element.getBoundingClientRect();
      if (!row || heights[range.first + n] === height) continue;
      heights[range.first + n] = height;
      measured.set(row.key, height);
    }
  };
  const space = ({ above, below }: Parts): void => {
    const beforePx = sumOf(heights, 0, range.first);
    slackPx = Math.max(slackPx, -beforePx);
    above.style.height = `${beforePx + slackPx}px`;
    below.style.height = `${sumOf(heights, range.end, heights.length)}px`;
  };
  const scroll = (box: Box, to: number): void => {
    box.scrollTop = to;
    ({ scrollTop } = box);
  };
  const keep = (parts: Parts): void => {
    const { box } = parts;
    if (hold.kind === "end") return scroll(box, box.scrollHeight);
    const element = elementOf(hold.key, parts);
    if (!element) return;
    const offPx = topWithin(box, element) - hold.topPx;
    if (Math.abs(offPx) < OFF_PX) return;
    if (rest !== undefined && range.first > 0 && sumOf(heights, 0, range.first) + slackPx >= offPx) {
      slackPx -= offPx;
      return space(parts);
    }
    scroll(box, box.scrollTop + offPx);
    topPx = box.scrollTop - slackPx;
    if (Math.abs(topWithin(box, element) - hold.topPx) > OFF_PX) holdHere(box, END_PX);
  };
  const look = ({ box }: Parts): void => {
    topPx = box.scrollTop - slackPx;
    const wanted = rangeOf(heights, { topPx, heightPx: size.heightPx }, isBare ? 0 : MORE_PX / 2);
    if (wanted.first < range.first || wanted.end > range.end) redraw();
    const last = rowAt(heights, topPx + size.heightPx - 1);
    moved({ isAtEnd: hold.kind === "end", first: rowAt(heights, topPx + 1), last, topPx, heightPx: size.heightPx });
  };
  const resized = ({ box }: Parts): boolean => {
    const { clientWidth, clientHeight } = box;
    if (clientWidth === size.widthPx && clientHeight === size.heightPx) return false;
    if (clientWidth !== size.widthPx) measured.clear();
    Object.assign(size, { widthPx: clientWidth, heightPx: clientHeight });
    return true;
  };
  const settle = (parts: Parts): void => {
    const isOther = resized(parts);
    measure(parts);
    space(parts);
    keep(parts);
    if (isOther) redraw();
    look(parts);
  };
  const rested = (parts: Parts): void => {
    clearTimeout(rest);
    rest = undefined;
    if (isBare) redraw();
    if (slackPx === 0) return;
    slackPx = 0;
    settle(parts);
  };
  const take = (next: Hold): void => {
    clearTimeout(rest);
    rest = undefined;
    slackPx = 0;
    hold = next;
    redraw();
  };
  const notice = (parts: Parts): void => {
    const { box } = parts;
    if (Math.abs(box.scrollTop - scrollTop) < 1) return;
    topPx = box.scrollTop - slackPx;
    holdHere(box, box.scrollTop < scrollTop ? 1 : END_PX);
    ({ scrollTop } = box);
    clearTimeout(rest);
    rest = setTimeout(() => rested(parts), REST_MS);
  };
  const holdAt = (key: string, share: number): Hold => ({ kind: "row", key, topPx: Math.round(share * size.heightPx) });
  return {
    layOut(next) {
      if (next === rows && size.widthPx === laidOutPx) return rangeHere();
      const known = size.widthPx === laidOutPx ? { rows, heights } : NOTHING_KNOWN;
      heights = heightsOf(next, known, (row) => measured.get(row.key) ?? estimatePx(row, size.widthPx));
      rows = next;
      laidOutPx = size.widthPx;
      return rangeHere();
    },
    settle,
    notice,
    scrolled(parts) {
      notice(parts);
      // Nothing stands above the first row: whoever comes there sees no space that is only slack.
      if (topPx < 0) rested(parts);
      look(parts);
    },
    startAt(key, share) {
      hold = holdAt(key, share);
    },
    goToEnd: () => take({ kind: "end" }),
    goTo: (key, share) => take(holdAt(key, share)),
    hold(key, parts) {
      const element = elementOf(key, parts);
      if (element) hold = { kind: "row", key, topPx: topWithin(parts.box, element) };
    },
    stop: () => clearTimeout(rest),
  };
}

function topWithin(box: Drawn, row: Drawn): number {
  return row.getBoundingClientRect().top - box.getBoundingClientRect().top;
}
