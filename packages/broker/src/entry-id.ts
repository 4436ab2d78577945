// The id of one outbox entry: `<partition epoch>-<number>`, which is also its id in the Redis stream.
// Used by the publisher, the outbox and the watermark. Pure.

/** Id of an entry in one partition's outbox. Compares by epoch, then number. */
export interface EntryId {
  readonly epoch: number;
  readonly number: number;
}

const ENTRY_ID = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/;

/** Stands before every real entry: a read after it starts at the beginning. */
export const BEFORE_FIRST_ENTRY: EntryId = { epoch: 0, number: 0 };

export function formatEntryId(id: EntryId): string {
  return `${id.epoch}-${id.number}`;
}

/** `undefined` for anything that is not two integers below 2^53 joined by a hyphen. */
export function parseEntryId(text: string): EntryId | undefined {
  const match = ENTRY_ID.exec(text);
  if (match === null) return undefined;
  const epoch = Number(match[1]);
  const number = Number(match[2]);
  return Number.isSafeInteger(epoch) && Number.isSafeInteger(number) ? { epoch, number } : undefined;
}

/** Negative when `left` stands before `right`, 0 when they are the same. */
export function compareEntryIds(left: EntryId, right: EntryId): number {
  return left.epoch - right.epoch || left.number - right.number;
}
