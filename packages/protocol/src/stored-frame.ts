/**
 * A sequenced frame as both stores keep it and every page of the past hands it on: its position and its finished text.
 * Types only.
 */
import type { Position } from "./position.ts";

/** One sequenced frame as finished JSON. `prev` stands only on the first frame of an epoch that follows another. */
export interface StoredFrame {
  readonly position: Position;
  readonly prev?: Position;
  readonly frame: string;
}
