// How a change of who may do what reaches every node, and how it is known that it did. Shapes and promises for the api, which
// announces and waits, and for edges, which act and confirm; the scripts behind them are announce.lua and confirm.lua.
// A control number is an EntryId: the epoch is new with every server that numbers, so that what a failover lost is never
// taken for known. Numbers of one epoch have no holes.
import type { Control } from "@rookery/protocol";
import type { EntryId } from "./entry-id.ts";

/** As the control topic and the control log give it. */
export interface NumberedControl {
  readonly partition: number;
  readonly number: EntryId;
  readonly control: Control;
}

/**
 * Rejects with ChatError `unavailable`, `overloaded`, `unknown`, or `internal` where a key of Redis is broken: a repeat is safe,
 * whatever became of the first. A channel's change is told in the partition of the channel, a user's in that of the user, and
 * one of neither in partition 0.
 */
export interface Announcer {
  /**
   * In one step: raises the channel's version for sends, changes what Redis remembers of its access (or forgets it, where a
   * change before this one never came), numbers and keeps the control, tells every node, and queues `audit` (an audit record
   * without its time, or "") for Postgres.
   */
  announce(partition: number, control: Control, audit: string): Promise<EntryId>;
}

/** What an edge asks for when it has missed some. Rejects with ChatError `unavailable`. */
export interface ControlLog {
  /**
   * All after this number, ascending; undefined where they are no longer all there, or the number is another server's: then
   * whatever is known of the partition is to be read anew.
   */
  since(partition: number, after: EntryId): Promise<readonly NumberedControl[] | undefined>;
}

/** An edge's word that it has acted upon everything up to a number. */
export interface Confirmations {
  /**
   * `closed`: how many sessions this control made it close or take out of their channel. Absolute, so that a repeat counts
   * once. Rejects with ChatError `unavailable`.
   */
  confirm(partition: number, number: EntryId, node: string, closed: number): Promise<void>;
}

/** As clients of the REST API get it. */
export interface Receipt {
  readonly nodes: { readonly confirmed: number; readonly expected: number; readonly missing: readonly string[] };
  readonly sessionsClosed: number;
  readonly ms: number;
}

export interface Receipts {
  /**
   * Waits until every edge that lives, or whose lease ended within the last 60 s without its leaving in order, has confirmed
   * this number or a later one, 2 s at most from `startedMs` (performance.now()). `of`: only these are waited for, in as far as
   * they are among those. Rejects with ChatError `unavailable`.
   */
  gather(partition: number, number: EntryId, startedMs: number, of?: readonly string[]): Promise<Receipt>;
}
