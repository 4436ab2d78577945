// Commits batches only into a Postgres that has what it once confirmed. One that was restored from a backup, or lost commits, has
// less than Redis was told is saved: what lay between is in no outbox any more, and draining on would leave a hole of which
// nobody is told. Used by main, between drain and store.
// States: unsure (at the start, and after every batch that failed or found an earlier one missing), sure, refused.
import { compareEntryIds, forgottenBy } from "@rookery/broker";
import type { EntryId, Outbox } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { Batch, OutboxPositions, SaveOutcome } from "@rookery/store";

export interface SureSaveOptions {
  readonly outbox: Pick<Outbox, "stored">;
  readonly positions: OutboxPositions;
  save(this: void, batch: Batch): Promise<SaveOutcome>;
  /** Postgres has forgotten something, in one line: this process must not go on. */
  refuse(this: void, reason: string): void;
}

const MEND =
  ", as after a restore from a backup: stop every process, empty Redis and start again, so that clients are told what is lost";

export function createSureSave({ outbox, positions, save, refuse }: SureSaveOptions): SureSaveOptions["save"] {
  let isSure = false;
  /** What this process has seen committed of each partition: Postgres never has less again, unless it goes back. */
  const committed = new Map<number, EntryId>();

  function afterCommitted({ readAfter, entries }: Batch): Batch {
    const raised = [...readAfter].map(([partition, id]): [number, EntryId] => [
      partition,
      later(id, committed.get(partition) ?? id),
    ]);
    return { readAfter: new Map(raised), entries };
  }

  async function makeSure(): Promise<void> {
    // Redis first: what is saved only grows, so Postgres must have at least that a moment later.
    const stored = await outbox.stored();
    const forgotten = forgottenBy(await positions.lastIds(), stored);
    if (forgotten !== undefined) {
      const wrong = `${forgotten}${MEND}`;
      refuse(wrong);
      throw new ChatError("unavailable", wrong);
    }
    isSure = true;
  }

  return async (batch) => {
    if (!isSure) await makeSure();
    try {
      const outcome = await save(afterCommitted(batch));
      if (outcome.kind === "behind") await makeSure();
      else
        for (const { partition, id } of batch.entries)
          committed.set(partition, later(id, committed.get(partition) ?? id));
      return outcome;
    } catch (error) {
      // Whoever reads from the beginning after a failure asks for no earlier batch.
      isSure = false;
      throw error;
    }
  };
}

const later = (left: EntryId, right: EntryId): EntryId => (compareEntryIds(left, right) > 0 ? left : right);
