// Where a channel stands, as whoever reads the past is told. Types only.
import type { Position } from "@rookery/protocol";
import type { Correction } from "./envelope.ts";

/** Where a channel stands, and up to where Postgres has confirmed it. ORIGIN for a channel without messages. */
export interface ChannelHead {
  readonly position: Position;
  readonly saved: Position;
  /** The last times that Postgres knew better what an epoch follows, if ever while Redis holds the channel. */
  readonly corrected?: readonly Correction[];
}
