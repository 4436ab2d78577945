// What one command has read so far, over all its channels and both tiers: its price is made of it. Made by whoever reads
// for a client, written by the readers of Redis and Postgres, which stop once nobody waits for the answer any more.
import { ChatError } from "@rookery/protocol";

export interface Reading {
  /** Bytes of frames that came out of Redis and Postgres, also of those that were not used. */
  bytes: number;
  /** Entries and rows looked at. */
  entries: number;
  /** Statements sent to Postgres. */
  statements: number;
  /** Whether the answer is still wanted, as far as anybody can tell. */
  isWanted(): boolean;
}

export function createReading(isWanted: () => boolean = () => true): Reading {
  return { bytes: 0, entries: 0, statements: 0, isWanted };
}

/** Before every look into a store: a client that is gone is read for no longer. Throws ChatError `unavailable`. */
export function goOn(reading: Reading): void {
  if (!reading.isWanted()) throw new ChatError("unavailable", "nobody waits for this any more");
}

/** What would have to be searched for an answer is not in Postgres yet, and there is too much of it. */
export function tooMuchUnstored(): ChatError {
  return new ChatError("unavailable", "too many of the newest messages wait to be stored: try again later");
}
