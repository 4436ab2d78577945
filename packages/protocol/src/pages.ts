/**
 * How many finished frames fit into one reply. Readers of the log and of Postgres cut their pages with it.
 * Pure; must never cut inside a frame.
 */
import { utf8Bytes } from "./text.ts";

/**
 * Count of leading frames whose UTF-8 bytes, with the commas between them, stay within `maxBytes`: at least 1 when
 * there is any frame, so that a reader always gets on, 0 for none.
 */
export function fitPage(frames: readonly string[], maxBytes: number): number {
  let bytes = -1;
  let count = 0;
  for (const frame of frames) {
    bytes += utf8Bytes(frame) + 1;
    if (bytes > maxBytes && count > 0) break;
    count++;
  }
  return count;
}
