// The short way to commit a batch: for one in which every entry is a message that nobody has stored before, which is what
// nearly all are. Called by save-batch.ts, which goes its own way where this one does not apply.
// Must never store a part of a batch, nor say that it is saved when another has a say in it.
import type { Appended, AuditChain, ChainStands, PlacedRecord } from "./audit-chain.ts";
import { auditParameters } from "./audit-columns.ts";
import { chainOf, headsOf, only, recordsOf } from "./batch-records.ts";
import { isRefusedData, isTaken } from "./away.ts";
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
const SAVE_AUDITED = loadStatement("save-fresh-audited");

export type Unsaved = "refused" | "unusual";

interface FreshRow {
  readonly saved: boolean;
  readonly raised: readonly RaisedRow[] | null;
}

/**
 * `refused`: nothing was written, since Postgres refuses what an entry says. `unusual`: nothing was written either, since an entry
 * is no message or a deleted one, nor a record of the audit log, or its position or id is taken, or a partition does not stand
 * where the batch follows on. Rejects as saveBatch does.
 */
export async function saveFresh(store: Store, batch: Batch, chain?: AuditChain): Promise<SavedOutcome | Unsaved> {
  const { readAfter, entries } = batch;
  const rows: MessageRow[] = [];
  for (const { row } of entries) if (row.kind === "message" && row.deletedAt === null) rows.push(row);
  const records = rows.length < entries.length ? recordsOf(batch) : [];
  if (rows.length + records.length < entries.length) return "unusual";
  const spans = spansOf(entries, readAfter);
  const parameters = freshParameters([...spans.values()], rows, rows.some(mayBegin));
  const ask = (): Promise<FreshRow> =>
    records.length === 0
      ? only(repeated(() => store.query<FreshRow>(SAVE_FRESH, parameters)))
      : appendTo(chain, records, (heads, sealed) =>
          only(
            repeated(() => store.query<AuditedRow>(SAVE_AUDITED, [...parameters, ...auditParameters(heads, sealed)])),
          ),
        );
  const row = await ask().catch((error: unknown): Unsaved => {
    if (isTaken(error)) return "unusual";
    if (isRefusedData(error)) return "refused";
    throw error;
  });
  if (typeof row === "string") return row;
  if (!row.saved) return "unusual";
  return {
    ...{ kind: "saved", inserted: rows.length, skipped: 0, quarantined: 0, deadLetters: [], unstored: [] },
    raised: (row.raised ?? []).map((each) => toRaised(each, entries)),
    reached: new Map([...spans].map(([partition, { last }]) => [partition, last])),
    heads: headsOf(chain, records),
  };
}

interface AuditedRow extends FreshRow {
  readonly stands: ChainStands | null;
}

function appendTo(
  chain: AuditChain | undefined,
  records: readonly PlacedRecord[],
  save: (...given: Parameters<Parameters<AuditChain["append"]>[1]>) => Promise<AuditedRow>,
): Promise<AuditedRow & Appended> {
  return chainOf(chain).append(records, async (heads, sealed) => {
    const answer = await save(heads, sealed);
    return { ...answer, isAppended: answer.saved };
  });
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
