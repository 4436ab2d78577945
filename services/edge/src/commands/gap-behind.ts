// What a page lacks of what this edge has handed on of the channel before: something only where Redis came back older than it was
// and nobody has said anything there since. Whoever enters then hears of a gap, like those who stand before what a failover took
// back. Used by join alone, of one channel and of several.

import type { BackwardPage } from "@rookery/broker";
import { comparePositions, encodeGap } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";

/** The gap as a frame. `followed`: how far the edge had followed the channel before the page was read. */
export function gapBehind(
  channel: string,
  { head }: Pick<BackwardPage, "head">,
  followed: Position | undefined,
): string | undefined {
  const { epoch, seq } = head.position;
  if (followed === undefined || comparePositions(head.position, followed) >= 0) return undefined;
  return encodeGap({ channel, from: { epoch, seq: seq + 1 }, to: followed });
}
