// One try at reading a hole of a channel back, from both stores. Called by the relay, which judges what comes and tries
// again. It knows no relay and delivers nothing.

import { createReading } from "@rookery/broker";
import type { HealingRead, History } from "@rookery/broker";
import type { Position } from "@rookery/protocol";

/** A page of a hole: large enough that 5,000 missed frames are a handful of reads, small against a socket's buffer. */
const HEAL_PAGE_FRAMES = 500;
const HEAL_PAGE_BYTES = 512 * 1024;

export interface Hole {
  readonly channel: string;
  /** The last position before it. */
  readonly after: Position;
  /** False as soon as nobody waits for it any more. */
  isWanted(this: void): boolean;
}

/**
 * Resolves to undefined when a store did not answer, which is told to `report`. With `giveUp` the log's word alone is enough
 * to call it a gap.
 */
export async function readHole(
  history: Pick<History, "head" | "forward">,
  { channel, after, isWanted }: Hole,
  giveUp: boolean,
  report: (error: unknown) => void,
): Promise<HealingRead | undefined> {
  try {
    const page = await history.forward(channel, after, HEAL_PAGE_FRAMES, HEAL_PAGE_BYTES, createReading(isWanted));
    return { ...page, head: page.head.position };
  } catch (error) {
    report(error);
    if (!giveUp) return undefined;
  }
  try {
    const head = await history.head(channel);
    return { frames: [], more: false, recovered: false, head: head.position };
  } catch (error) {
    report(error);
    return undefined;
  }
}
