// Watches what waits for Postgres: for the metrics, and to warn before senders are refused. Started by main.
// States: within the budget, or beyond the warning line (said once each way), of all partitions together or of one that
// runs out of what it may hold. Figures of the last look; unknown before it and while Redis is away.
import { limitOf } from "@rookery/broker";
import type { Outbox, OutboxBacklog } from "@rookery/broker";

export interface BacklogOptions {
  readonly outbox: Pick<Outbox, "waiting">;
  /** What may wait in all partitions together before senders are refused. */
  readonly budgetBytes: number;
  readonly partitions: number;
  readonly log: Record<"info" | "warn", (fields: object, message: string) => void>;
}

export interface Backlog {
  look(): Promise<void>;
  /** Undefined while unknown. */
  latest(): OutboxBacklog | undefined;
  /** How far the watermark is behind: the age of the oldest waiting message, 0 when none waits, NaN while unknown. */
  ageSeconds(nowMs: number): number;
  /** What the fullest partition has waiting, as a share of what it may hold; NaN while unknown. */
  fullest(): number;
}

interface Fullest {
  readonly partition: number;
  readonly bytes: number;
  readonly limitBytes: number;
}

const WARN_SHARE = 0.6;

export function createBacklog({ outbox, budgetBytes, partitions, log }: BacklogOptions): Backlog {
  let latest: OutboxBacklog | undefined;
  let fullest: Fullest | undefined;
  let warned = false;
  return {
    async look() {
      latest = await outbox.waiting().catch(() => undefined);
      fullest = latest === undefined ? undefined : fullestOf(latest, budgetBytes, partitions);
      if (latest === undefined) return;
      const isHigh = latest.bytes >= budgetBytes * WARN_SHARE || shareOf(fullest) >= WARN_SHARE;
      if (isHigh === warned) return;
      warned = isHigh;
      const { entries, bytes } = latest;
      const figures = { entries, bytes, budgetBytes, fullest };
      if (isHigh) log.warn(figures, "the outbox fills up; when it is full, sends are refused");
      else log.info(figures, "the outbox has room again");
    },
    latest: () => latest,
    ageSeconds(nowMs) {
      if (latest === undefined) return Number.NaN;
      return latest.oldestAtMs === undefined ? 0 : Math.max(0, nowMs - latest.oldestAtMs) / 1_000;
    },
    fullest: () => (latest === undefined ? Number.NaN : shareOf(fullest)),
  };
}

function fullestOf({ loads, bytes: spentBytes }: OutboxBacklog, budgetBytes: number, partitions: number) {
  const limits = loads.map(({ partition, bytes }): Fullest => {
    const limitBytes = Math.floor(limitOf(bytes, spentBytes, budgetBytes, partitions));
    return { partition, bytes, limitBytes };
  });
  return limits.toSorted((a, b) => shareOf(b) - shareOf(a))[0];
}

function shareOf(fullest: Fullest | undefined): number {
  return fullest === undefined ? 0 : fullest.bytes / fullest.limitBytes;
}
