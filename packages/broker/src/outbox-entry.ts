// What stands in the outbox, as the persister reads it: filled by the reader, handed on by the outbox. Types only.
import type { Position } from "@rookery/protocol";
import type { EntryId } from "./entry-id.ts";

/** One message waiting for Postgres. `prev` stands only on the first of an epoch that follows another. */
export interface OutboxEntry {
  readonly partition: number;
  readonly id: EntryId;
  readonly channel: string;
  readonly position: Position;
  readonly prev?: Position | undefined;
  /** finished JSON */
  readonly frame: string;
  /** bytes ever put into this outbox, this entry included */
  readonly cumulativeBytes: number;
  /** Counted while it waits, see keys.ts of `held`: for whom, and how many bytes. */
  readonly counted?: { readonly user: string; readonly bytes: number };
  /** Why it is no message: then channel may be "" and position ORIGIN, and `frame` is whatever the entry holds. */
  readonly fault?: string;
}
