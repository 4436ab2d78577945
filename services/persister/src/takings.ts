// Takes what waits in Redis beside the outbox into Postgres, once a second: how far users have read and when they were last
// seen. Started by main for the partitions that this persister drains. What a whole second brought is one statement of each
// kind, however many users it is of. Must never have forgotten in Redis what is not committed.
// States: those of look-loop.ts.
import type { Takings, Taking } from "@rookery/broker";
import type { SavedRead, SeenUser } from "@rookery/store";
import { createLookLoop, isOutage } from "./look-loop.ts";
import type { LookLoop } from "./look-loop.ts";

export interface TakingsOptions {
  readonly takings: Takings;
  owned(this: void): readonly number[];
  saveReads(this: void, reads: readonly SavedRead[]): Promise<void>;
  saveSeen(this: void, seen: readonly SeenUser[]): Promise<void>;
  /** Told of what was committed. */
  took(this: void, what: "reads" | "seen", count: number): void;
  /** A fault of ours. The next look tries again. */
  fault(this: void, error: unknown): void;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;
/** Of one statement: a millisecond of Redis, and some ten of Postgres. */
const AT_ONCE = 2_000;
/** Statements of one look, so that what an outage left is taken soon and nothing else waits for long. */
const MOST_STATEMENTS = 10;

export function createTakingsLoop(options: TakingsOptions): LookLoop {
  const { takings, owned, saveReads, saveSeen, took, fault, everyMs = EVERY_MS } = options;
  /** Where a look begins: each partition is first at times. */
  let turn = 0;

  function turned(): readonly number[] {
    const all = owned();
    turn = all.length === 0 ? 0 : (turn + 1) % all.length;
    return [...all.slice(turn), ...all.slice(0, turn)];
  }

  async function takeAll<Each>(
    what: "reads" | "seen",
    give: (partitions: readonly number[], most: number) => Promise<Taking<Each>>,
    save: (items: readonly Each[]) => Promise<void>,
    isStopped: () => boolean,
  ): Promise<void> {
    for (let n = 0; n < MOST_STATEMENTS && !isStopped(); n += 1) {
      const { items, forget } = await give(turned(), AT_ONCE);
      if (items.length > 0) await save(items);
      await forget();
      if (items.length > 0) took(what, items.length);
      if (items.length < AT_ONCE) return;
    }
  }

  async function work(isStopped: () => boolean): Promise<void> {
    const reads = takeAll("reads", takings.reads, saveReads, isStopped);
    const kinds = [reads, takeAll("seen", takings.seen, saveSeen, isStopped)];
    for (const outcome of await Promise.allSettled(kinds)) {
      // A store is away, and says so itself: all of it waits in Redis for the next look.
      if (outcome.status === "rejected" && !isOutage(outcome.reason)) fault(outcome.reason);
    }
  }

  return createLookLoop({ work, everyMs, fault });
}
