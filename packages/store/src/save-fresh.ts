// The short way to commit a batch: for one in which every entry is a message that nobody has stored before, which is what
// nearly all are. Called by save-batch.ts, which goes its own way where this one does not apply.
// Must never store a part of a batch, nor say that it is saved when another has a say in it.
import { isRefusedData } from "./away.ts";
import type { Batch, BatchEntry, SavedOutcome } from "./batch.ts";
import { freshParameters } from "./batch-columns.ts";
import type { BatchSpan } from "./batch-columns.ts";
import type { Store } from "./connect.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import type { MessageRow } from "./message-row.ts";
import { toRaised } from "./raised-row.ts";
import type { RaisedRow } from "./raised-row.ts";
import { repeated } from "./repeated.ts";
import { loadStatement } from "./statement.ts";

const SAVE_FRESH = loadStatement("save-fresh");

interface FreshRow {
  readonly saved: boolean;
  readonly raised: readonly RaisedRow[] | null;
}

/**
 * Undefined when something is unusual, and nothing was written: an entry that is no message or a deleted one, that Postgres
 * refuses, or whose position or id is taken, or a partition that does not stand where the batch follows on. Rejects as
 * saveBatch does.
 */
export async function saveFresh(store: Store, { readAfter, entries }: Batch): Promise<SavedOutcome | undefined> {
  const rows = entries.flatMap(({ row }) => (row.kind === "message" && row.deletedAt === null ? [row] : []));
  if (rows.length < entries.length) return undefined;
  const spans = spansOf(entries, readAfter);
  const parameters = freshParameters([...spans.values()], rows, rows.some(mayBegin));
  const answer = await repeated(() => store.query<FreshRow>(SAVE_FRESH, parameters)).catch((error: unknown) => {
    if (isRefusedData(error)) return undefined;
    throw error;
  });
  const [row] = answer ?? [];
  if (row?.saved !== true) return undefined;
  return {
    ...{ kind: "saved", inserted: rows.length, skipped: 0, quarantined: 0, deadLetters: [], unstored: [] },
    raised: (row.raised ?? []).map(toRaised),
    reached: new Map([...spans].map(([partition, { last }]) => [partition, last])),
  };
}

function spansOf(entries: readonly BatchEntry[], readAfter: Batch["readAfter"]): Map<number, BatchSpan> {
  const spans = new Map<number, BatchSpan>();
  for (const { partition, id } of entries) {
    const known = spans.get(partition);
    if (known !== undefined) known.last = id;
    else
      spans.set(partition, { partition, after: readAfter.get(partition) ?? BEFORE_FIRST_ENTRY, first: id, last: id });
  }
  return spans;
}

/** The first row of an epoch may follow another than its frame says. */
function mayBegin({ seq, prevEpoch }: MessageRow): boolean {
  return seq === 1 || prevEpoch !== null;
}
