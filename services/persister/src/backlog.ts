// Watches what waits for Postgres: for the metrics, and to warn before senders are refused. Started by main.
// States: within the budget, or beyond the warning line (said once each way). Figures of the last look; unknown before it
// and while Redis is away.
import type { Outbox, OutboxBacklog } from "@rookery/broker";

export interface BacklogOptions {
  readonly outbox: Pick<Outbox, "waiting">;
  /** What may wait in all partitions together before senders are refused. */
  readonly budgetBytes: number;
  readonly log: Record<"info" | "warn", (fields: object, message: string) => void>;
}

export interface Backlog {
  look(): Promise<void>;
  /** Undefined while unknown. */
  latest(): OutboxBacklog | undefined;
  /** How far the watermark is behind: the age of the oldest waiting message, 0 when none waits, NaN while unknown. */
  ageSeconds(nowMs: number): number;
}

const WARN_SHARE = 0.6;

export function createBacklog({ outbox, budgetBytes, log }: BacklogOptions): Backlog {
  let latest: OutboxBacklog | undefined;
  let warned = false;
  return {
    async look() {
      latest = await outbox.waiting().catch(() => undefined);
      const isHigh = (latest?.bytes ?? 0) >= budgetBytes * WARN_SHARE;
      if (latest === undefined || isHigh === warned) return;
      warned = isHigh;
      const { entries, bytes } = latest;
      if (isHigh) log.warn({ entries, bytes, budgetBytes }, "the outbox fills up; when it is full, sends are refused");
      else log.info({ entries, bytes, budgetBytes }, "the outbox has room again");
    },
    latest: () => latest,
    ageSeconds(nowMs) {
      if (latest === undefined) return Number.NaN;
      return latest.oldestAtMs === undefined ? 0 : Math.max(0, nowMs - latest.oldestAtMs) / 1_000;
    },
  };
}
