// What a batch of outbox entries is and what may become of it. Shared by the two ways to commit one, and by the persister.
import type { Position } from "@rookery/protocol";
import type { AuditHead, AuditRow } from "./audit-row.ts";
import type { EntryId } from "./entry-id.ts";
import type { MessageRow } from "./message-row.ts";

/** An entry whose frame says nothing that could be stored; `fault` says why, without the frame's text. */
export interface UnreadableRow {
  readonly kind: "unreadable";
  readonly fault: string;
}

export interface BatchEntry {
  readonly partition: number;
  readonly id: EntryId;
  readonly channel: string;
  readonly position: Position;
  /** As it was announced: kept should Postgres refuse the row. */
  readonly frame: string;
  readonly row: MessageRow | AuditRow | UnreadableRow;
  /** Of a deletion: the rows that are to stand where it took entries out, whether those have come or not. None has a text. */
  readonly removed?: readonly MessageRow[] | undefined;
}

export interface Batch {
  /** For each partition of the entries: the id after which they were read, 0-0 from the beginning. */
  readonly readAfter: ReadonlyMap<number, EntryId>;
  /** Ascending within each partition. */
  readonly entries: readonly BatchEntry[];
}

export interface DeadLetter {
  readonly partition: number;
  readonly id: EntryId;
  readonly channel: string;
  readonly position: Position;
  readonly reason: string;
}

/**
 * The first row of an epoch that follows a later row than its frame said. Told again whenever its entry comes again: whoever told
 * others of it may have died before.
 */
export interface RaisedPrev {
  readonly partition: number;
  readonly channel: string;
  readonly position: Position;
  /** What its frame said; of a row that was there before, what stands before the first that came. ORIGIN for nothing. */
  readonly former: Position;
  readonly prev: Position;
}

/** Every entry is committed, whether by this call or before. */
export interface SavedOutcome {
  readonly kind: "saved";
  readonly inserted: number;
  /** entries that were saved before */
  readonly skipped: number;
  readonly quarantined: number;
  readonly deadLetters: readonly DeadLetter[];
  readonly raised: readonly RaisedPrev[];
  /** partitions in which an entry of the batch is no row of its own, whether by this call or before */
  readonly unstored: readonly number[];
  /** up to where each partition of the batch is saved; beyond its last entry when that was numbered too low */
  readonly reached: ReadonlyMap<number, EntryId>;
  /** of each partition that audit records were added to, where its chain ends now */
  readonly heads: ReadonlyMap<number, AuditHead>;
}

/**
 * `behind`: nothing was written, since Postgres stands below what these partitions were read after. An earlier batch of
 * theirs is missing: read them again.
 */
export type SaveOutcome = SavedOutcome | { readonly kind: "behind"; readonly partitions: readonly number[] };
