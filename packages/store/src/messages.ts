// Reads a channel's past from Postgres as finished frames. Called by edge and api through the broker's history, and by
// the edge before it tells `persisted`. Never writes: that is save-batch.ts alone.
import { ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Store } from "./connect.ts";
import { renderRow } from "./message-row.ts";
import type { MessageRow, StoredFrame } from "./message-row.ts";
import { loadStatement } from "./statement.ts";

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface Messages {
  /** Ascending, frames of every kind, right after the position. */
  after(channel: string, after: Position, limit: number): Promise<StoredFrame[]>;
  /** The newest `limit` before the position (of all without one), ascending, of kind message; answers to `replyTo` only. */
  before(channel: string, before: Position | undefined, limit: number, replyTo?: string): Promise<StoredFrame[]>;
  /** ORIGIN when there is none. */
  last(channel: string): Promise<Position>;
  /** Whether this message is committed at this place. */
  holds(channel: string, position: Position, id: string): Promise<boolean>;
}

const AFTER = loadStatement("messages-after");
const BEFORE = loadStatement("messages-before");
const REPLIES_BEFORE = loadStatement("messages-replies-before");
const LAST = loadStatement("messages-last");
const HOLDS = loadStatement("messages-holds");

/** Stands after every position there can be. */
const END: Position = { epoch: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

export function createMessages(store: Store): Messages {
  return {
    async after(channel, { epoch, seq }, limit) {
      const rows = await store.read<MessageRow>("the history", AFTER, [channel, epoch, seq, limit]);
      return rows.map(renderRow);
    },
    async before(channel, before, limit, replyTo) {
      const { epoch, seq } = before ?? END;
      const rows = await (replyTo === undefined
        ? store.read<MessageRow>("the history", BEFORE, [channel, epoch, seq, limit])
        : store.read<MessageRow>("the history", REPLIES_BEFORE, [channel, epoch, seq, limit, replyTo]));
      return rows.map(renderRow).toReversed();
    },
    async last(channel) {
      const [row] = await store.read<Position>("the history", LAST, [channel]);
      return row === undefined ? ORIGIN : { epoch: row.epoch, seq: row.seq };
    },
    async holds(channel, { epoch, seq }, id) {
      const [row] = await store.read<{ held: boolean }>("the history", HOLDS, [channel, epoch, seq, id]);
      return row?.held === true;
    },
  };
}
