/**
 * A position in a channel's order: `{epoch, seq}`, compared by epoch and then by seq.
 * Every part of the cluster and every client orders frames by it. Pure; must never know where a position came from.
 */

/** Where a sequenced frame stands. Both are whole numbers from 0 below 2^53. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** Where an empty channel stands; reading after it starts at the very beginning. */
export const ORIGIN: Position = Object.freeze({ epoch: 0, seq: 0 });

/** Below 0 when `a` comes before `b`, 0 when they are the same, above 0 when `a` comes after. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch === b.epoch ? a.seq - b.seq : a.epoch - b.epoch;
}

/** True when both numbers are the same. */
export function samePosition(a: Position, b: Position): boolean {
  return a.seq === b.seq && a.epoch === b.epoch;
}

/** `<epoch>-<seq>`: the form used by stream entry ids and query strings. */
export function formatPosition(position: Position): string {
  return `${position.epoch}-${position.seq}`;
}

/** Reads what {@link formatPosition} writes. Undefined for anything else, also for numbers of 2^53 and above. */
export function parsePosition(text: string): Position | undefined {
  const parts = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/.exec(text);
  if (parts === null) return undefined;
  const epoch = Number(parts[1]);
  const seq = Number(parts[2]);
  return Number.isSafeInteger(epoch) && Number.isSafeInteger(seq) ? { epoch, seq } : undefined;
}
