// Place of an entry in one partition's outbox, as Postgres keeps it: two numbers, so that it compares by value and not
// by its text. The same shape as the broker's, which this package does not import.

/** Compares by epoch, then number. */
export interface EntryId {
  readonly epoch: number;
  readonly number: number;
}

export const BEFORE_FIRST_ENTRY: EntryId = Object.freeze({ epoch: 0, number: 0 });
