// One page of a channel: what it is asked by, what it holds and what fits into it. Used by all that reads the past. Pure.
import { fitPage, utf8Bytes } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { ChannelHead } from "./channel-head.ts";

/**
 * Ascending frames of every kind right after a cursor. `more`: there are further ones to page on to. Not `recovered`:
 * that nothing is missing cannot be shown, and `frames` is the newest backward page instead (`more`: there are older
 * ones). A later page may be the one that finds the hole.
 */
export interface ForwardPage {
  readonly frames: StoredFrame[];
  readonly more: boolean;
  readonly recovered: boolean;
  /** What the first frame beyond the cursor follows, where that lies before the cursor: the rest was taken back. */
  readonly stepsBackTo?: Position;
  readonly head: ChannelHead;
}

/** Ascending frames of type message, the newest that stand before a cursor. `more`: there are older ones, of some type. */
export interface BackwardPage {
  readonly frames: StoredFrame[];
  readonly more: boolean;
  readonly head: ChannelHead;
}

export interface PageWish {
  readonly channel: string;
  /** Most frames. */
  readonly limit: number;
  /** Most bytes of frames, with the commas between them. */
  readonly maxBytes: number;
  /** The first frame is given however large it is, so that a reader always gets on. */
  readonly atLeastOne: boolean;
}

/** The leading frames that the page has room for. */
export function fit(frames: readonly StoredFrame[], { limit, maxBytes, atLeastOne }: PageWish): StoredFrame[] {
  const texts = frames.slice(0, limit).map(({ frame }) => frame);
  if (!atLeastOne && utf8Bytes(texts[0] ?? "") > maxBytes) return [];
  return frames.slice(0, fitPage(texts, maxBytes));
}
