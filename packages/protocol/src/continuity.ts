/**
 * Judges whether sequenced frames follow each other without a hole. Readers of the log and of Postgres check every
 * page with it before they call it complete; a client may do the same. Pure; must never repair, only tell.
 */
import { type Position, samePosition } from "./position.ts";

/** A frame's place, and the place it says it follows (only the first frame of an epoch says so). */
export interface Link {
  readonly position: Position;
  readonly prev?: Position | undefined;
}

/** Not ok: the frame at `at` does not follow `follows`, the place before it. */
export type Chain = { readonly ok: true } | { readonly ok: false; readonly at: Position; readonly follows: Position };

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

/** Checks frames in ascending order that are to continue right after `after`. An empty list is ok. */
export function checkChain(after: Position, frames: readonly Link[]): Chain {
  let before = after;
  for (const frame of frames) {
    if (!follows(before, frame)) return { ok: false, at: frame.position, follows: before };
    before = frame.position;
  }
  return { ok: true };
}
