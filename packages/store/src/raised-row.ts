// A raised prev: as the functions that commit a batch answer it, and found again where an earlier commit had raised it. Used by
// the two ways to commit a batch.
import { comparePositions, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { arrayLiteral } from "./array-literal.ts";
import type { BatchEntry, RaisedPrev } from "./batch.ts";
import type { Store } from "./connect.ts";
import type { MessageRow } from "./message-row.ts";
import { loadStatement } from "./statement.ts";

const PREVS = loadStatement("messages-prevs");

export interface RaisedRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly prevEpoch: number;
  readonly prevSeq: number;
}

/** Of rows that the batch with these entries raised. */
export function toRaised(
  { channel, epoch, seq, prevEpoch, prevSeq }: RaisedRow,
  entries: readonly BatchEntry[],
): RaisedPrev {
  const ours = entries.filter((entry) => entry.channel === channel);
  const begins = ours.flatMap(rowsOf).find((row) => row.epoch === epoch && row.seq === seq);
  const former = begins === undefined ? beforeAll(ours) : prevOf(begins);
  const partition = ours[0]?.partition ?? 0;
  return { partition, channel, position: { epoch, seq }, former, prev: { epoch: prevEpoch, seq: prevSeq } };
}

/** Of entries that were saved before: what their rows follow, where that is beyond what the entries say. */
export async function raisedBefore(store: Store, entries: readonly BatchEntry[]): Promise<RaisedPrev[]> {
  const begins = entries.flatMap(rowsOf).filter(({ seq, prevEpoch }) => seq === 1 || prevEpoch !== null);
  if (begins.length === 0) return [];
  const columns = [begins.map((row) => row.channel), begins.map((row) => row.epoch), begins.map((row) => row.seq)];
  const rows = await store.query<RaisedRow>(PREVS, columns.map(arrayLiteral));
  return rows.map((row) => toRaised(row, entries)).filter(({ former, prev }) => comparePositions(prev, former) > 0);
}

function rowsOf({ row, removed = [] }: BatchEntry): readonly MessageRow[] {
  return row.kind === "audit" || row.kind === "unreadable" ? removed : [row, ...removed];
}

function prevOf({ prevEpoch, prevSeq }: MessageRow): Position {
  return prevEpoch === null || prevSeq === null ? ORIGIN : { epoch: prevEpoch, seq: prevSeq };
}

/** Right before the lowest position of these. */
function beforeAll(entries: readonly BatchEntry[]): Position {
  const [lowest] = entries.map(({ position }) => position).toSorted(comparePositions);
  return lowest === undefined || lowest.seq < 1 ? ORIGIN : { epoch: lowest.epoch, seq: lowest.seq - 1 };
}
