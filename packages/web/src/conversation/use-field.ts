// The text of a field and the caret in it: as high as its lines, up to what the style allows. Used by `writing-field.tsx`; knows nothing
// of what is written there.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Written } from "../writing/completion.ts";
import type { Writing } from "./actions.ts";

interface FieldOf {
  /** What stands there at first. */
  readonly first: string;
  readonly writing: Writing;
  readonly onText: (text: string) => void;
}

export interface Field extends Written {
  readonly box: { readonly current: HTMLTextAreaElement | null };
  /** Puts a text there, and the caret into it. */
  readonly write: (next: Written) => void;
  readonly moved: (caret: number) => void;
}

/** A keyboard on the screen comes when it is called, and hides half of what is read. */
export const hasKeys = (): boolean => !matchMedia("(pointer: coarse)").matches;

export function useField({ first, onText, writing }: FieldOf): Field {
  const box = useRef<HTMLTextAreaElement>(null);
  const [{ text, caret }, setWritten] = useState<Written>({ text: first, caret: first.length });
  const wanted = useRef<number | undefined>(undefined);
  useLayoutEffect(() => {
    const { current } = box;
    if (!current) return;
    fit(current);
    if (wanted.current === undefined) return;
    current.setSelectionRange(wanted.current, wanted.current);
    wanted.current = undefined;
  }, [text]);
  useFitted(box);
  useEffect(() => {
    if (!hasKeys() && writing.kind === "new") return;
    box.current?.focus({ preventScroll: true });
    box.current?.setSelectionRange(text.length, text.length);
  }, [writing]);
  return {
    ...{ box, text, caret },
    write(next) {
      wanted.current = next.caret;
      setWritten(next);
      if (next.text !== text) onText(next.text);
      box.current?.focus({ preventScroll: true });
    },
    moved: (to) => setWritten((last) => (last.caret === to ? last : { ...last, caret: to })),
  };
}

function fit(box: HTMLTextAreaElement): void {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}

/** Where there is less width, there are more lines. */
function useFitted(box: Field["box"]): void {
  useEffect(() => {
    const { current } = box;
    if (!current) return undefined;
    let width = current.clientWidth;
    const watch = new ResizeObserver(() => {
      if (current.clientWidth === width) return;
      width = current.clientWidth;
      fit(current);
    });
    watch.observe(current);
    return () => watch.disconnect();
  }, []);
}
