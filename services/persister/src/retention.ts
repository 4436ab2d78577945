// Once a minute removes what channels do not keep: messages older than a channel's `retentionDays`, and everything of a
// deleted channel. Started by main on every persister; of all of them one has the duty at a time. Redis' part is in expiry.ts
// of the broker, that of Postgres in the store's retention.ts; both go by Redis' clock, by which messages were sent.
// Must never remove what is not saved, nor be in the way of saving: each step is a thousand rows, and waits for nobody.
// States: those of look-loop.ts.
import type { Expiry } from "@rookery/broker";
import type { DueChannel, Retention } from "@rookery/store";
import { createLookLoop } from "./look-loop.ts";
import type { LookLoop } from "./look-loop.ts";

export interface RetentionLoopOptions {
  readonly redis: Expiry;
  readonly postgres: Retention;
  readonly node: () => string;
  /** Told of what was removed. */
  removed(this: void, entries: number, rows: number): void;
  /** A fault of ours. The next sweep tries again. */
  fault(this: void, error: unknown): void;
  readonly everyMs?: number;
}

const EVERY_MS = 60_000;
/** Asked for again with every page of channels; a persister that dies is followed after this. */
const HELD_MS = 150_000;
const DAY_MS = 86_400_000;
const CHANNELS_AT_ONCE = 100;
/** Statements for one channel in a sweep: one that has years to remove must not keep the others waiting. */
const MOST_STEPS = 50;
/** What was said just before a deletion, or was about to be read, is in Postgres by then. */
const SETTLED_MS = 600_000;

/** Rows that went, and whether there was nothing left. */
interface Repeated {
  readonly rows: number;
  readonly isDone: boolean;
}

export function createRetentionLoop(options: RetentionLoopOptions): LookLoop {
  const { redis, postgres, node, removed, fault, everyMs = EVERY_MS } = options;

  async function repeat(step: () => Promise<number>, isStopped: () => boolean): Promise<Repeated> {
    let rows = 0;
    for (let steps = 0; steps < MOST_STEPS && !isStopped(); steps += 1) {
      const now = await step();
      if (now === 0) return { rows, isDone: true };
      rows += now;
    }
    return { rows, isDone: false };
  }

  async function clear({ id, deletedAt }: DueChannel, nowMs: number, isStopped: () => boolean): Promise<void> {
    // What waits in the outbox would be saved behind us.
    if (!(await redis.forget(id))) return;
    const { rows, isDone } = await repeat(() => postgres.purge(id), isStopped);
    removed(0, rows);
    if (isDone && rows === 0 && nowMs - (deletedAt ?? nowMs) > SETTLED_MS) await postgres.purged(id);
  }

  async function expire(id: string, beforeMs: number, isStopped: () => boolean): Promise<void> {
    const entries = await redis.expire(id, beforeMs);
    const { rows } = await repeat(() => postgres.expire(id, beforeMs), isStopped);
    removed(entries, rows);
  }

  async function work(isStopped: () => boolean): Promise<void> {
    let after = "";
    while (!isStopped() && (await redis.holds(node(), HELD_MS))) {
      const nowMs = await redis.nowMs();
      const due = await postgres.due(after, CHANNELS_AT_ONCE);
      for (const channel of due) {
        if (isStopped()) return;
        const { id, deletedAt, retentionDays } = channel;
        if (deletedAt !== null) await clear(channel, nowMs, isStopped);
        else if (retentionDays !== null) await expire(id, nowMs - retentionDays * DAY_MS, isStopped);
      }
      const last = due.at(-1);
      if (last === undefined || due.length < CHANNELS_AT_ONCE) return;
      after = last.id;
    }
  }

  return createLookLoop({ work, everyMs, fault });
}
