// Gives this edge's word for each change of rights that it has acted upon, and again where Redis did not take it. Called by
// following; made with the rest of the edge's control. Nobody waits for it here: who waits is whoever ordered the change.
// States of a partition: nothing owed; words owed (sent again with the next look that is answered).

import type { Confirmations, EntryId } from "@rookery/broker";

export interface Confirming {
  confirm(this: void, partition: number, number: EntryId, closed: number): void;
  /** Redis answers again. */
  again(this: void, partition: number): void;
}

export interface ConfirmingOptions {
  readonly confirmations: Confirmations;
  /** Whose word it is: asked each time. */
  node(this: void): string;
  fault(this: void, error: unknown, what: string): void;
}

interface Word {
  readonly number: EntryId;
  readonly closed: number;
}

/** Of one partition. Whoever waited for an older one has long been answered without it. */
const MOST_OWED = 100;

export function createConfirming({ confirmations, node, fault }: ConfirmingOptions): Confirming {
  const owed = new Map<number, Word[]>();

  function give(partition: number, word: Word): void {
    confirmations.confirm(partition, word.number, node(), word.closed).catch((error: unknown) => {
      fault(error, "Redis cannot be told that a change of rights is in force here; it is told again");
      const words = owed.get(partition) ?? [];
      owed.set(partition, [...words, word].slice(-MOST_OWED));
    });
  }

  return {
    confirm: (partition, number, closed) => give(partition, { number, closed }),
    again(partition) {
      const words = owed.get(partition);
      if (words === undefined) return;
      owed.delete(partition);
      for (const word of words) give(partition, word);
    },
  };
}
