// All that an edge has for sockets that read too slowly, made and bound together. Made by main; fan-out and outlet tell it what goes
// out, the listener how sockets take it, membership who leaves.

import type { EdgeMetrics } from "../metrics.ts";
import type { Session } from "../session.ts";
import { createBufferLooks, startBufferLooks } from "./buffer-looks.ts";
import type { BufferLooks } from "./buffer-looks.ts";
import { createLanes } from "./lanes.ts";
import type { Lanes } from "./lanes.ts";
import { createMissed } from "./missed.ts";
import type { Missed } from "./missed.ts";
import { createShedSignals } from "./shed-signals.ts";
import type { ShedSignals } from "./shed-signals.ts";
import { createSignalState } from "./signal-state.ts";
import type { SignalSources } from "./signal-state.ts";

export interface SlowReaders {
  readonly lanes: Lanes;
  readonly missed: Missed;
  readonly shed: ShedSignals;
  readonly usedBytes: BufferLooks["usedBytes"];
  /** Begins to look at buffers. */
  start(this: void): { stop(): void };
}

export interface SlowReadersOptions {
  readonly settings: {
    readonly softBufferBytes: number;
    readonly hardBufferBytes: number;
    readonly bufferBudgetBytes: number;
  };
  readonly metrics: Pick<EdgeMetrics, "lanes" | "signalsShed" | "deliveries">;
  readonly sessions: ReadonlyMap<string, Session>;
  signals(this: void): SignalSources;
}

export function createSlowReaders({ settings, metrics, sessions, signals }: SlowReadersOptions): SlowReaders {
  const { softBufferBytes: softBytes, hardBufferBytes: hardBytes, bufferBudgetBytes: budgetBytes } = settings;
  const missed = createMissed();
  const shed = createShedSignals(metrics.signalsShed);
  const looks = createBufferLooks({
    ...{ lanes: () => lanes, sessions, budgetBytes },
    deliveries: () => metrics.deliveries.n,
  });
  const lanes = createLanes({
    ...{ limits: { softBytes, hardBytes, budgetBytes }, usedBytes: looks.usedBytes, missed, shed },
    ...{ signals: createSignalState(signals), counts: metrics.lanes, nowMs: () => performance.now() },
  });
  return { lanes, missed, shed, usedBytes: looks.usedBytes, start: () => startBufferLooks(looks) };
}
