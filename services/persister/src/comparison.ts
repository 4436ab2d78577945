// After a Redis became another one, compares its heads with Postgres: where it has lost what Postgres has, it is told how far
// that goes, so that no page hides what is stored nor shows what was deleted. Started by main for the partitions that this
// persister drains. What waits in the outbox goes first; while Postgres is away nothing is compared.
// States: those of look-loop.ts; of a partition: as it was compared, or renewed and waited for.
import { comparePositions, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Comparing, Renewed } from "@rookery/broker";
import { createLookLoop, isOutage } from "./look-loop.ts";
import type { LookLoop } from "./look-loop.ts";

export interface ComparisonOptions {
  readonly comparing: Comparing;
  owned(this: void): readonly number[];
  /** Where each channel ends in Postgres, in order; ORIGIN for one that has nothing. */
  lasts(this: void, channels: readonly string[]): Promise<readonly Position[]>;
  /** Told how many heads were behind. */
  raised(this: void, heads: number): void;
  /** A fault of ours. The next look tries again. */
  fault(this: void, error: unknown): void;
  readonly everyMs?: number;
}

const EVERY_MS = 1_000;

export function createComparisonLoop(options: ComparisonOptions): LookLoop {
  const { comparing, owned, lasts, raised, fault, everyMs = EVERY_MS } = options;
  const waitedFor = new Map<number, Renewed>();

  async function compareAll(partition: number, isStopped: () => boolean): Promise<void> {
    for (let cursor = "0", isFirst = true; (isFirst || cursor !== "0") && !isStopped(); isFirst = false) {
      const { channels, next } = await comparing.channels(partition, cursor);
      cursor = next;
      const ends = channels.length === 0 ? [] : await lasts(channels);
      const stored = channels.map((channel, n) => [channel, ends[n] ?? ORIGIN] as const);
      const heads = await comparing.raise(new Map(stored.filter(([, end]) => comparePositions(end, ORIGIN) > 0)));
      if (heads > 0) raised(heads);
    }
  }

  async function lookAt(partition: number, isStopped: () => boolean): Promise<void> {
    const now = await comparing.renewed(partition);
    const known = waitedFor.get(partition);
    if (now === undefined) {
      waitedFor.delete(partition);
      return;
    }
    // What was numbered since is corrected as it is stored, and need not be waited for.
    const renewed = known?.serving === now.serving ? known : now;
    waitedFor.set(partition, renewed);
    if (!(await comparing.isDrained(renewed))) return;
    await compareAll(partition, isStopped);
    if (isStopped()) return;
    await comparing.compared(renewed);
    waitedFor.delete(partition);
  }

  async function work(isStopped: () => boolean): Promise<void> {
    for (const partition of owned()) {
      if (isStopped()) return;
      try {
        await lookAt(partition, isStopped);
      } catch (error) {
        // A store is away, and says so itself; a part of a Cluster keeps nobody from the others.
        if (!isOutage(error)) fault(error);
      }
    }
  }

  return createLookLoop({ work, everyMs, fault });
}
