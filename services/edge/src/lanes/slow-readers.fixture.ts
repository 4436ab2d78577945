// What an edge has for slow sockets, for tests: all of it is real, and nobody is present or types. Only tests use it.
import { createMetrics } from "@rookery/runtime";
import { createEdgeMetrics } from "../metrics.ts";
import type { Session } from "../session.ts";
import { createSlowReaders } from "./slow-readers.ts";
import type { SlowReaders } from "./slow-readers.ts";
import type { SignalSources } from "./signal-state.ts";

export const NO_SIGNAL_STATE: SignalSources = {
  crowds: { frameFor: () => undefined },
  typists: { framesFor: () => [], shownTo: () => [] },
};

const KIB = 1024;
export const SMALL_BUFFERS = { softBufferBytes: 16 * KIB, hardBufferBytes: 64 * KIB, bufferBudgetBytes: 1024 * KIB };

export function slowReaders(
  sessions: ReadonlyMap<string, Session>,
  settings = SMALL_BUFFERS,
  signals = NO_SIGNAL_STATE,
): SlowReaders & { metrics: ReturnType<typeof createEdgeMetrics> } {
  const metrics = createEdgeMetrics(createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" }));
  return { ...createSlowReaders({ settings, metrics, sessions, signals: () => signals }), metrics };
}
