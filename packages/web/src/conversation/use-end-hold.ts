// Where a list that grows at both ends stands: at its end while the reader is there, and otherwise at what the reader looks at. Used by
// threads, whose rows are few; the list of a channel has its own.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

/** The list's first and last, whatever they are, tell at which end it grew. */
export function useEndHold(
  box: { readonly current: HTMLElement | null },
  first: string | undefined,
  last: string,
): void {
  const seen = useRef({ isAtEnd: true, height: 0, first, last });
  useLayoutEffect(() => {
    const { current } = box;
    const before = seen.current;
    if (!current) return;
    const isLonger = before.first !== undefined && before.first !== first && before.last === last;
    if (isLonger) current.scrollTop += current.scrollHeight - before.height;
    else if (before.isAtEnd) current.scrollTop = current.scrollHeight;
    seen.current = { ...before, height: current.scrollHeight, first, last };
  });
  useEffect(() => {
    const { current } = box;
    if (!current) return undefined;
    const look = (): void => {
      seen.current.isAtEnd = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR_PX;
    };
    const resized = new ResizeObserver(() => {
      if (seen.current.isAtEnd) current.scrollTop = current.scrollHeight;
    });
    resized.observe(current);
    current.addEventListener("scroll", look, { passive: true });
    return () => {
      resized.disconnect();
      current.removeEventListener("scroll", look);
    };
  }, []);
}

/** Nearer than a line is at the end. */
const NEAR_PX = 32;
