// How a process takes part in its cluster: it beats under its present id, and asks for the office of watching the outbox
// budget, which any node may hold. Started by every service once it is about to serve.
import { startBeats, watchBudget } from "@rookery/broker";
import type { Keys, NodeRecord, RedisConnection } from "@rookery/broker";
import { VERSION } from "@rookery/runtime";
import type { SettingsContext } from "./settings-context.ts";

export interface ClusterLifeOptions {
  readonly context: SettingsContext<"leaseMs" | "outboxMaxBytes">;
  readonly commands: RedisConnection;
  readonly keys: Keys;
  readonly self: Omit<NodeRecord, "node" | "pid" | "version" | "startedAt" | "beatAt" | keyof ClusterLoad>;
  /** What changes from beat to beat, of a node that holds connections or can be on its way out. */
  load?(this: void): ClusterLoad;
}

export type ClusterLoad = Pick<NodeRecord, "connections" | "draining">;

const NO_LOAD: ClusterLoad = { connections: 0, draining: false };

export function joinCluster({ context, commands, keys, self, load = () => NO_LOAD }: ClusterLifeOptions): void {
  const { settings, log, node, onStop } = context;
  const beats = startBeats({
    connection: commands,
    keys,
    leaseMs: settings.leaseMs,
    node: node.current,
    self: { ...self, version: VERSION },
    load,
    failed: (err) => log.debug({ err }, "beat failed"),
  });
  node.onRenew(() => beats.beat());
  onStop("registry", beats.leave);
  const budget = watchBudget({ connection: commands, keys, node: node.current, budgetBytes: settings.outboxMaxBytes });
  onStop("budget", () => budget.stop());
}
