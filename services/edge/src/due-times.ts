// What is due at which time, of many things at once: one timer for all, and a bounded share of a turn for what has come due.
// Used by whatever ends or is told by itself: graces, digests, typing. Pure but for the timer; it knows nothing of what waits.
// States of an item: absent, waiting. It is taken out before it is handed over, so that it can be set again from there.

export interface DueTimes<Item> {
  /** From now on the item is due then, by performance.now(): whatever it was due before. */
  set(item: Item, dueMs: number): void;
  /** It does not come due any more. */
  delete(item: Item): void;
  has(item: Item): boolean;
  readonly size: number;
  /** Nothing comes due any more. */
  close(): void;
}

export interface DueTimesOptions<Item> {
  /** An item is handed over up to so much later than it was due, and never earlier. */
  readonly stepMs: number;
  due(this: void, item: Item): void;
}

/** Handed over in one turn: what each of them costs is some microseconds. */
const ITEMS_A_TURN = 200;

export function createDueTimes<Item>({ stepMs, due }: DueTimesOptions<Item>): DueTimes<Item> {
  /** By the number of the step in which they are handed over. */
  const steps = new Map<number, Set<Item>>();
  const stepOf = new Map<Item, number>();
  /** The first that has not been handed over whole. */
  let next = 0;
  let timer: NodeJS.Timeout | undefined;

  let isHandingOver = false;

  const stepNow = (): number => Math.floor(performance.now() / stepMs);

  function awaitStep(step: number): void {
    timer = setTimeout(handOver, Math.max(0, step * stepMs - performance.now()));
    timer.unref();
  }

  function remove(item: Item): void {
    const step = stepOf.get(item);
    if (step === undefined) return;
    stepOf.delete(item);
    const items = steps.get(step);
    items?.delete(item);
    if (items?.size === 0) steps.delete(step);
  }

  function handOver(): void {
    timer = undefined;
    isHandingOver = true;
    const now = stepNow();
    let left = ITEMS_A_TURN;
    while (next <= now && left > 0) {
      for (const item of steps.get(next) ?? []) {
        if (left === 0) break;
        left -= 1;
        remove(item);
        due(item);
      }
      if (!steps.has(next)) next += 1;
    }
    isHandingOver = false;
    if (steps.size > 0) awaitStep(next);
  }

  return {
    set(item, dueMs) {
      remove(item);
      if (steps.size === 0 && !isHandingOver) next = stepNow();
      const step = Math.max(next, Math.ceil(dueMs / stepMs));
      stepOf.set(item, step);
      const items = steps.get(step);
      if (items === undefined) steps.set(step, new Set([item]));
      else items.add(item);
      if (timer === undefined && !isHandingOver) awaitStep(next + 1);
    },
    delete: remove,
    has: (item) => stepOf.has(item),
    get size() {
      return stepOf.size;
    },
    close() {
      clearTimeout(timer);
      timer = undefined;
      steps.clear();
      stepOf.clear();
    },
  };
}
