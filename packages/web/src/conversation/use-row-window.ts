// A `RowWindow` in a component: its parts in the document, and when it looks at them.
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import type { RefObject } from "preact";
import type { Range } from "./extent.ts";
import { createRowWindow } from "./row-window.ts";
import type { Layout, Parts, RowWindow, View, Windowed } from "./row-window.ts";

type Part = RefObject<HTMLDivElement | null>;

export interface RowWindowInUse<R> extends Pick<RowWindow<R>, "goToEnd" | "goTo"> {
  readonly range: Range;
  readonly box: Part;
  readonly above: Part;
  readonly list: Part;
  readonly below: Part;
  readonly onScroll: () => void;
  readonly hold: (key: string) => void;
}

export interface Start {
  readonly key: string;
  readonly share: number;
}

export function useRowWindow<R extends Windowed>(
  rows: readonly R[],
  layout: Layout<R>,
  moved: (view: View) => void,
  /** Where to begin, as soon as that is known; at the end without. */
  start: Start | undefined,
): RowWindowInUse<R> {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const [box, above, list, below] = [usePart(), usePart(), usePart(), usePart()];
  const hear = useRef(moved);
  hear.current = moved;
  const made = useRef<RowWindow<R> | undefined>(undefined);
  const rowWindow = (made.current ??= createRowWindow(
    layout,
    () => redraw(undefined),
    (view) => hear.current(view),
  ));
  const withParts = (use: (parts: Parts) => void): void => {
    const parts = { box: box.current, above: above.current, list: list.current, below: below.current };
    if (isWhole(parts)) use(parts);
  };
  withParts(rowWindow.notice);
  const started = useRef<Start | undefined>(undefined);
  if (start !== started.current) {
    started.current = start;
    if (start) rowWindow.startAt(start.key, start.share);
  }
  const range = rowWindow.layOut(rows);
  useLayoutEffect(() => withParts(rowWindow.settle));
  useEffect(() => {
    const observer = new ResizeObserver(() => withParts(rowWindow.settle));
    for (const part of [box.current, list.current]) if (part) observer.observe(part);
    return () => {
      observer.disconnect();
      rowWindow.stop();
    };
  }, []);
  return {
    ...{ range, box, above, list, below },
    goTo: rowWindow.goTo,
    goToEnd: rowWindow.goToEnd,
    onScroll: () => withParts(rowWindow.scrolled),
    hold: (key) => withParts((parts) => rowWindow.hold(key, parts)),
  };
}

function usePart(): Part {
  return useRef<HTMLDivElement>(null);
}

function isWhole(parts: { readonly [K in keyof Parts]: Parts[K] | null }): parts is Parts {
  return Object.values(parts).every((part) => part !== null);
}
