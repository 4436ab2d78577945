import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MOST_DRAWN, rangeOf, rowAt, sumOf } from "./extent.ts";
import { createRowWindow } from "./row-window.ts";
import type { Parts, RowWindow, View } from "./row-window.ts";

interface FakeRow {
  readonly key: string;
  readonly isMessage: boolean;
}

const HEIGHT_PX = 600;

/** A browser takes no height below nothing. */
function fakeSpace() {
  let height = "0px";
  return {
    style: {
      get height() {
        return height;
      },
      set height(next: string) {
        if (parseFloat(next) >= 0) height = next;
      },
    },
  };
}

/** A document of blocks one under another, as a browser would lay them out, and the component that draws into it. */
function fakeList(heightOf: (key: string) => number, estimatePx = 40) {
  let rows: readonly FakeRow[] = [];
  let range = { first: 0, end: 0 };
  let scrollTop = 0;
  let isDue = false;
  let view: View | undefined;
  const [above, below] = [fakeSpace(), fakeSpace()];
  const drawn = (): readonly FakeRow[] => rows.slice(range.first, range.end);
  const drawnPx = (end: number): number =>
    drawn()
      .slice(0, end)
      .reduce((sum, { key }) => sum + heightOf(key), 0);
  const totalPx = (): number => parseFloat(above.style.height) + drawnPx(Infinity) + parseFloat(below.style.height);
  const topOf = (n: number): number => parseFloat(above.style.height) + drawnPx(n) - box.scrollTop;
  const most = (): number => Math.max(0, totalPx() - HEIGHT_PX);
  const box = {
    get scrollTop() {
      return Math.max(0, Math.min(scrollTop, most()));
    },
    set scrollTop(to: number) {
      scrollTop = Math.max(0, Math.min(to, most()));
    },
    get scrollHeight() {
      return Math.max(HEIGHT_PX, totalPx());
    },
    clientHeight: HEIGHT_PX,
    clientWidth: 800,
    getBoundingClientRect: () => ({ top: 0, height: HEIGHT_PX }),
  };
  const list = {
    get children() {
      return drawn().map(({ key }, n) => ({ getBoundingClientRect: () => ({ top: topOf(n), height: heightOf(key) }) }));
    },
  };
  const parts: Parts = { box, above, list, below };
  const win: RowWindow<FakeRow> = createRowWindow(
    { estimatePx: () => estimatePx, canHold: ({ isMessage }) => isMessage },
    () => {
      isDue = true;
    },
    (now) => {
      view = now;
    },
  );
  const draw = (next: readonly FakeRow[] = rows): void => {
    isDue = false;
    win.notice(parts);
    rows = next;
    range = win.layOut(rows);
    win.settle(parts);
    if (isDue) draw();
  };
  return {
    win,
    parts,
    draw,
    settle: () => win.settle(parts),
    scrollTo(to: number) {
      box.scrollTop = to;
      win.scrolled(parts);
      if (isDue) draw();
    },
    go(how: () => void) {
      how();
      if (isDue) draw();
    },
    rest() {
      vi.runAllTimers();
      if (isDue) draw();
    },
    view: () => view,
    gapPx: () => box.scrollHeight - HEIGHT_PX - box.scrollTop,
    scrollTop: () => box.scrollTop,
    count: () => drawn().length,
    /** Where rows are seen, by key. */
    seen: () =>
      new Map(
        drawn().flatMap(({ key }, n): [string, number][] =>
          topOf(n) < HEIGHT_PX && topOf(n) + heightOf(key) > 0 ? [[key, topOf(n)]] : [],
        ),
      ),
    topOf: (key: string) => topOf(drawn().findIndex((row) => row.key === key)),
    last: () => rows.at(-1),
  };
}

const rowsFrom = (first: number, end: number): readonly FakeRow[] =>
  Array.from({ length: end - first }, (_, n) => ({ key: String(first + n), isMessage: (first + n) % 17 !== 0 }));
/** Between 20 and 140 px, and never what is estimated. */
const uneven = (key: string): number => 20 + ((Math.abs(Number(key)) * 7919) % 121) + 0.25;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a window of rows", () => {
  it("opens at the end, and draws no more than are seen and some beyond", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 10_000));
    expect(list.gapPx()).toBe(0);
    expect([...list.seen().keys()]).toContain("9999");
    expect(list.count()).toBeLessThan(60);
  });

  it("stays at the end with what comes there", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 100));
    list.draw(rowsFrom(0, 130));
    expect(list.gapPx()).toBe(0);
    expect(list.view()).toMatchObject({ isAtEnd: true, last: 129 });
  });

  it("leaves the end with the first pixel, and does not move with what comes there then", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 100));
    list.scrollTo(list.scrollTop() - 2);
    const before = list.topOf("99");
    list.draw(rowsFrom(0, 130));
    expect([list.topOf("99"), list.view()?.isAtEnd]).toEqual([before, false]);
  });

  it("undoes no scrolling that it was not told of yet", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 100));
    list.parts.box.scrollTop -= 300;
    const before = list.seen();
    list.draw(rowsFrom(0, 130));
    expect(list.seen()).toEqual(before);
  });

  it("keeps what is seen where it is while pages come before it", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 100));
    list.scrollTo(300);
    list.rest();
    const before = list.seen();
    list.draw(rowsFrom(-100, 100));
    for (const [key, top] of list.seen()) expect(top).toBeCloseTo(before.get(key) ?? NaN, 0);
  });

  it.each([20, 130])(
    "moves by what the reader scrolls and by nothing else, where %i px are estimated",
    (estimatePx) => {
      const move = fc.integer({ min: -700, max: 500 });
      fc.assert(
        fc.property(fc.array(move, { minLength: 5, maxLength: 25 }), fc.boolean(), (moves, rests) => {
          const list = fakeList(uneven, estimatePx);
          list.draw(rowsFrom(0, 200));
          list.scrollTo(2000);
          list.rest();
          for (const wished of moves) {
            const [before, from] = [list.seen(), list.scrollTop()];
            // A browser scrolls no further than to the top.
            const px = Math.max(wished, -from);
            list.scrollTo(from + px);
            if (rests) list.rest();
            if (list.view()?.isAtEnd || (list.view()?.topPx ?? 0) < 1) break;
            for (const [key, top] of list.seen()) {
              const was = before.get(key) ?? top + px;
              expect(Math.abs(top - was + px)).toBeLessThan(1);
            }
            expect(list.count()).toBeLessThanOrEqual(MOST_DRAWN);
          }
        }),
        { numRuns: 25 },
      );
    },
  );

  it("writes no scroll position while the reader scrolls up, and is right when that rests", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 400));
    list.scrollTo(9000);
    list.rest();
    for (let to = list.scrollTop() - 200; to > 3000; to -= 200) {
      list.scrollTo(to);
      expect(list.scrollTop()).toBe(to);
    }
    const before = list.seen();
    list.rest();
    for (const [key, top] of list.seen()) expect(Math.abs(top - (before.get(key) ?? NaN))).toBeLessThan(1);
    list.scrollTo(0);
    list.rest();
    expect(list.topOf("0")).toBe(0);
  });

  it.each([20, 130])("comes to the first row in one long swing, where %i px are estimated", (estimatePx) => {
    const list = fakeList(uneven, estimatePx);
    list.draw(rowsFrom(0, 300));
    for (let n = 0; n < 600 && list.scrollTop() > 0; n++) list.scrollTo(list.scrollTop() - 90);
    expect([list.topOf("0"), list.scrollTop()]).toEqual([0, 0]);
    list.rest();
    expect([list.topOf("0"), list.scrollTop()]).toEqual([0, 0]);
  });

  it("goes to any row, and holds it there", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 5000));
    list.go(() => list.win.goTo("1234", 0.3));
    expect(list.topOf("1234")).toBeCloseTo(180, 0);
    list.draw(rowsFrom(-500, 5100));
    expect(list.topOf("1234")).toBeCloseTo(180, 0);
    list.go(() => list.win.goToEnd());
    expect([list.gapPx(), list.view()?.isAtEnd]).toEqual([0, true]);
  });

  it("is at the end where a row that it goes to stands too near to it", () => {
    const list = fakeList(uneven);
    list.draw(rowsFrom(0, 100));
    list.go(() => list.win.goTo("98", 0.1));
    list.draw(rowsFrom(0, 120));
    expect([list.gapPx(), list.view()?.isAtEnd]).toEqual([0, true]);
  });

  it("keeps a row that grows where its top is", () => {
    let grownPx = 0;
    const list = fakeList((key) => uneven(key) + (key === "98" ? grownPx : 0));
    list.draw(rowsFrom(0, 100));
    const before = list.topOf("98");
    list.win.hold("98", list.parts);
    grownPx = 300;
    list.settle();
    expect(list.topOf("98")).toBe(before);
  });
});

describe("the extent of rows", () => {
  const heights = Float64Array.from([10, 20, 30, 40]);

  it("knows which row is where", () => {
    expect([0, 9, 10, 59, 60, 1000].map((px) => rowAt(heights, px))).toEqual([0, 0, 1, 2, 3, 3]);
    expect([sumOf(heights, 1, 3), sumOf(heights, 0, 0), rowAt(new Float64Array(), 5)]).toEqual([50, 0, 0]);
  });

  it("draws at most so many, around the middle of what is seen", () => {
    const { first, end } = rangeOf(new Float64Array(1000).fill(1), { topPx: 500, heightPx: 400 }, 100);
    expect([first, end]).toEqual([620, 780]);
    expect(rangeOf(new Float64Array(), { topPx: 0, heightPx: 400 }, 100)).toEqual({ first: 0, end: 0 });
  });
});
