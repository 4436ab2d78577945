// Lines at the foot of the page, each for a few seconds, read out by screen readers: what was done, and what could not be.
import type { JSX } from "preact";
import { useObserved } from "./observe.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";

export interface Toast {
  readonly key: number;
  readonly text: string;
}

export interface Toasts {
  readonly list: Store<readonly Toast[]>;
  readonly tell: (text: string) => void;
}

const MOST_SHOWN = 3;
/** Long enough to read a sentence twice. */
const SHOWN_MS = 7_000;

export function createToasts(): Toasts {
  const list = createStore<readonly Toast[]>([]);
  let count = 0;
  return {
    list,
    tell(text) {
      const toast = { key: (count += 1), text };
      list.set([...list.state().filter((each) => each.text !== text), toast].slice(-MOST_SHOWN));
      setTimeout(() => list.set(list.state().filter((each) => each !== toast)), SHOWN_MS);
    },
  };
}

export function ToastList({ toasts }: { readonly toasts: Toasts }): JSX.Element {
  return (
    <div class="toasts" role="status">
      {useObserved(toasts.list).map(({ key, text }) => (
        <p key={key} class="toast">
          {text}
        </p>
      ))}
    </div>
  );
}
