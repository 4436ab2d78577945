// How much may wait in one socket, given how much waits in all sockets of the edge. Pure; asked by lanes.ts.

/** What the layer gathers for a socket before it writes. */
const LEAST_BYTES = 16 * 1024;

export interface BufferLimits {
  readonly softBytes: number;
  readonly hardBytes: number;
  /** Of the whole edge. */
  readonly budgetBytes: number;
}

/**
 * The hard limit as it is now: as set while half of the budget is free, from there on falling in a straight line, and next to
 * nothing where the budget is spent. So an edge never holds much more than its budget, whoever stops reading.
 */
export function hardLimitBytes({ hardBytes, budgetBytes }: BufferLimits, usedBytes: number): number {
  const free = Math.max(0, 1 - usedBytes / budgetBytes);
  return Math.max(Math.min(hardBytes, LEAST_BYTES), Math.floor(hardBytes * Math.min(1, 2 * free)));
}
