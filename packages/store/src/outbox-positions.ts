// Up to where each partition's outbox is committed. Read by whoever gives out positions: the epochs in it are floors.
// Moved by save-batch.ts alone, together with the rows.
import type { Store } from "./connect.ts";
import type { EntryId } from "./entry-id.ts";
import { loadStatement } from "./statement.ts";

export interface OutboxPositions {
  /** By partition; one that never had an entry is missing or at 0-0. Throws ChatError `unavailable`. */
  lastIds(): Promise<Map<number, EntryId>>;
}

const LIST = loadStatement("outbox-positions-list");

export function createOutboxPositions(store: Store): OutboxPositions {
  return {
    async lastIds() {
      const rows = await store.read<EntryId & { partition: number }>("positions of the outbox", LIST, []);
      return new Map(rows.map(({ partition, epoch, number }) => [partition, { epoch, number }]));
    },
  };
}
