/**
 * Judges whether sequenced frames follow each other without a hole. The walk over the log asks it for each frame before a
 * page is called complete. Pure; must never repair, only tell.
 */
import { type Position, samePosition } from "./position.ts";

/** A frame's position, and the one it says it follows (only the first frame of an epoch says so). */
export interface Link {
  readonly position: Position;
  readonly prev?: Position | undefined;
}

/**
 * True when `link` is the next one after `before`: the same epoch and seq + 1, or a later epoch whose `prev` is
 * `before` (without a `prev`: seq + 1, since seq counts on across epochs unless something was lost).
 */
export function follows(before: Position, link: Link): boolean {
  const { position, prev } = link;
  if (position.epoch < before.epoch) return false;
  if (position.epoch > before.epoch && prev !== undefined) return samePosition(prev, before);
  return position.seq === before.seq + 1;
}
