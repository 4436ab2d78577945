// A value that components observe. For what the page itself knows: what is open, what is typed, which theme.
import type { Observable } from "./observe.ts";

export interface Store<T> extends Observable<T> {
  /** Nothing is told when it is the same. */
  readonly set: (next: T) => void;
}

export function createStore<T>(first: T): Store<T> {
  let value = first;
  const hearers = new Set<() => void>();
  return {
    state: () => value,
    on(_event, hear) {
      hearers.add(hear);
      return () => hearers.delete(hear);
    },
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const hear of [...hearers]) hear();
    },
  };
}
