// Removes from Postgres what channels do not keep, a bounded number of rows at a time. Called by the persister that has this
// duty. Must never touch what a channel keeps, nor wait for what somebody else is writing.
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

export interface DueChannel {
  readonly id: string;
  readonly retentionDays: number | null;
  /** Since the Unix epoch, ms; null of one that was not deleted. */
  readonly deletedAt: number | null;
}

/** Every method rejects with the driver's error: see `isAway`. */
export interface Retention {
  /** Channels that keep messages for some days only, or were deleted: at most `limit` by id, after the id `after`. */
  due(after: string, limit: number): Promise<DueChannel[]>;
  /**
   * Removes the oldest messages that were sent before, with all that hangs on them, and answers how many rows. The last row of
   * the channel keeps its position and loses its text. 0 when nothing is left.
   */
  expire(channel: string, beforeMs: number): Promise<number>;
  /** Removes some of everything of a deleted channel, and answers how many rows. */
  purge(channel: string): Promise<number>;
  /** Nothing of this deleted channel is left, and nothing can come: it is not due any more. */
  purged(channel: string): Promise<void>;
}

const DUE = loadStatement("retention-due");
const EXPIRE = loadStatement("retention-expire");
const PURGE = loadStatement("retention-purge");
const PURGED = loadStatement("retention-purged");

/** Of each table in one statement: some ten ms of Postgres. */
const MOST_ROWS = 1_000;

export function createRetention(store: Store): Retention {
  return {
    due: (after, limit) => store.query<DueChannel>(DUE, [after, limit]),
    async expire(channel, beforeMs) {
      const [row] = await store.query<{ removed: number }>(EXPIRE, [channel, beforeMs, MOST_ROWS]);
      return row?.removed ?? 0;
    },
    async purge(channel) {
      const [row] = await store.query<{ removed: number }>(PURGE, [channel, MOST_ROWS]);
      return row?.removed ?? 0;
    },
    purged: async (channel) => void (await store.query(PURGED, [channel])),
  };
}
