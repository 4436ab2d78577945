// The overload of this very process: its loop, its memory, its log. Made by main.

import type { NodeContext } from "@rookery/node";
import type { EdgeMetrics } from "../metrics.ts";
import { createOverload } from "./overload.ts";
import type { Overload } from "./overload.ts";
import { memoryLimitBytes, memoryShare } from "./process-room.ts";

export interface ProcessOverload extends Overload {
  memoryLimitBytes(this: void): number;
}

export function createProcessOverload(
  { settings, log }: Pick<NodeContext<"edge">, "settings" | "log">,
  counts: EdgeMetrics["shed"],
): ProcessOverload {
  const limitBytes = memoryLimitBytes(settings.memoryBytes);
  const overload = createOverload({
    ...{ lateLoopMs: settings.lateLoopMs, counts, memoryShare: () => memoryShare(limitBytes) },
    changed(level, lateMs, share) {
      const facts = { level, lateMs: Math.round(lateMs), memoryPercent: Math.round(share * 100) };
      if (level === "calm") log.info(facts, "everything is served again");
      else log.warn(facts, "there is too much to do");
    },
  });
  return { ...overload, memoryLimitBytes: () => limitBytes };
}
