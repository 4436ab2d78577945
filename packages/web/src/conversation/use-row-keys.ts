// The list by keyboard: one stop of the Tab key, and the arrow keys from there. Moves the focus over rows that may not be drawn yet, and
// keeps it in the list when the row that has it is scrolled out of what is drawn.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RefObject } from "preact";
import type { View } from "./row-window.ts";
import type { Row } from "./rows.ts";
import type { RowWindowInUse } from "./use-row-window.ts";

export interface RowKeys {
  /** The key of the row that the Tab key comes to. */
  readonly stop: string | undefined;
  /** Once the row is drawn. */
  readonly focus: (key: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onFocusIn: (event: FocusEvent) => void;
  readonly onFocusOut: (event: FocusEvent) => void;
}

const STEPS: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowUp: (at) => at - 1,
  ArrowDown: (at) => at + 1,
  Home: () => 0,
  End: (_, last) => last,
};

export function useRowKeys(rows: readonly Row[], win: RowWindowInUse<Row>, view: RefObject<View>): RowKeys {
  const [active, setActive] = useState<string | undefined>(undefined);
  const wanted = useRef<string | undefined>(undefined);
  const hasFocus = useRef(false);
  const drawn = rows.slice(win.range.first, win.range.end).filter(({ kind }) => kind === "message");
  const isActiveDrawn = drawn.some(({ key }) => key === active);
  const seen = rows.slice(win.range.first, view.current.last + 1).findLast(({ kind }) => kind === "message");
  const stop = isActiveDrawn ? active : (seen ?? drawn.at(-1))?.key;

  useLayoutEffect(() => {
    const { current: list } = win.list;
    const { current: box } = win.box;
    const row = wanted.current === undefined ? null : elementOf(list, wanted.current);
    if (row) {
      wanted.current = undefined;
      row.focus({ preventScroll: true });
    } else if (hasFocus.current && document.activeElement === document.body) {
      box?.focus({ preventScroll: true });
    }
  });

  const go = (to: Row, isLast: boolean): void => {
    setActive(to.key);
    const row = elementOf(win.list.current, to.key);
    const { current: box } = win.box;
    if (row && box) {
      row.focus({ preventScroll: true });
      bringIntoView(box, row);
      return;
    }
    wanted.current = to.key;
    if (isLast) win.goToEnd();
    else win.goTo(to.key, 0.3);
  };

  return {
    stop,
    focus(key) {
      setActive(key);
      wanted.current = key;
    },
    onKeyDown(event) {
      const { target, key } = event;
      if (!(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (key === "Escape") return document.querySelector<HTMLElement>("[data-composer]")?.focus();
      const step = target.matches("article") || target === win.box.current ? STEPS[key] : undefined;
      if (!step) return;
      event.preventDefault();
      const messages = rows.filter(({ kind }) => kind === "message");
      const last = messages.length - 1;
      const at = messages.findIndex((row) => row.key === (target.dataset["message"] ?? active ?? stop));
      const to = messages[Math.max(0, Math.min(last, step(at, last)))];
      if (to) go(to, to === messages[last]);
    },
    onFocusIn({ target }) {
      hasFocus.current = true;
      const key =
        target instanceof Element ? target.closest<HTMLElement>("[data-message]")?.dataset["message"] : undefined;
      if (key !== undefined) setActive(key);
    },
    onFocusOut({ target }) {
      // What was taken out of the document has lost the focus as well; the list has not.
      queueMicrotask(() => {
        if (target instanceof Node && target.isConnected) hasFocus.current = isWithin(win.box.current);
      });
    },
  };
}

function isWithin(box: HTMLElement | null): boolean {
  return box?.contains(document.activeElement) === true;
}

function elementOf(list: HTMLElement | null, key: string): HTMLElement | null {
  return list?.querySelector<HTMLElement>(`[data-message="${CSS.escape(key)}"]`) ?? null;
}

const MARGIN_PX = 16;

function bringIntoView(box: HTMLElement, row: HTMLElement): void {
  const [outer, inner] = [box.getBoundingClientRect(), row.getBoundingClientRect()];
  const overPx = outer.top + MARGIN_PX - inner.top;
  const underPx = inner.bottom + MARGIN_PX - outer.bottom;
  if (overPx > 0) box.scrollTop -= overPx;
  else if (underPx > 0) box.scrollTop += Math.min(underPx, -overPx);
}
