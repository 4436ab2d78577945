// How a process takes part in its cluster: it beats under its present id, takes another one when it was given up for dead, and
// asks for offices: its turn to drain, where it was told to; that of watching the outbox budget, which any node may hold, and that of clearing away after dead nodes,
// which edges hold. Started by every service once it is about to serve.
import { startBeats, startReaper, watchBudget } from "@rookery/broker";
import type { Keys, NodeRecord, ReaperOptions, RedisConnection } from "@rookery/broker";
import { VERSION } from "@rookery/runtime";
import type { Metrics } from "@rookery/runtime";
import { createDrainTurn } from "./drain-turn.ts";
import type { SettingsContext } from "./settings-context.ts";

export interface ClusterLifeOptions {
  readonly context: SettingsContext<"leaseMs" | "outboxMaxBytes"> & { readonly metrics: Pick<Metrics, "plainCounter"> };
  readonly commands: RedisConnection;
  readonly keys: Keys;
  readonly self: Omit<NodeRecord, "node" | "pid" | "version" | "startedAt" | "beatAt" | keyof ClusterLoad>;
  /** What changes from beat to beat, of a node that holds connections or can be on its way out. */
  load?(this: void): ClusterLoad;
  /** This node was told to drain, and it is its turn: of several that were told, one goes at a time. Called more than once. */
  drain?(this: void): void;
  /** Of an edge: whether anybody was ever connected. One without leaves nothing to be held. */
  hasServed?(this: void): boolean;
  /** Of an edge, which clears away after dead nodes: hears of their sessions before they are taken off. */
  readonly ending?: ReaperOptions["ending"];
}

export type ClusterLoad = Pick<NodeRecord, "connections" | "draining">;

/** What a part of the node may tell of its cluster. */
export interface ClusterLife {
  /** Another server took over a partition: what it lists is compared with the nodes there are, where this node looks after them. */
  ownerChanged(this: void): void;
  /**
   * Waits for this node's turn to drain, which it keeps until it has left; false when it was not given within that time.
   */
  turnToDrain(this: void, withinMs: number): Promise<boolean>;
}

const NO_LOAD: ClusterLoad = { connections: 0, draining: false };

/**
 * How long the presence of a drained edge's users holds. Clients are told within the drain when to come back, and come back
 * within seconds; so long is also what is promised of a dead node's users.
 */
const RESUME_WINDOW_MS = 10_000;

export function joinCluster(options: ClusterLifeOptions): ClusterLife {
  const { context, commands, keys, self, load = () => NO_LOAD, drain } = options;
  const { settings, log, node, onStop } = context;
  const isEdge = self.kind === "edge";

  const turn = createDrainTurn({
    ...{ connection: commands, keys, leaseMs: settings.leaseMs, node: node.current },
    failed: (err) => log.debug({ err }, "no turn to drain yet"),
  });
  async function drainInTurn(go: () => void): Promise<void> {
    if (await turn.ask()) go();
  }

  const beats = startBeats({
    connection: commands,
    keys,
    leaseMs: settings.leaseMs,
    node: node.current,
    self: { ...self, version: VERSION },
    load,
    lapseMs: isEdge ? RESUME_WINDOW_MS : undefined,
    ...(options.hasServed === undefined ? {} : { hasServed: options.hasServed }),
    condemned() {
      log.warn({ former: node.current() }, "this node was given up for dead; it goes on under another id");
      node.renew();
    },
    toldToDrain() {
      if (drain !== undefined)
        drainInTurn(drain).catch((err: unknown) => log.error({ err }, "the drain did not begin"));
    },
    failed: (err) => log.debug({ err }, "beat failed"),
  });
  node.onRenew(() => beats.beat());
  onStop("registry", beats.leave);
  onStop("turn to drain", turn.giveBack);
  const budget = watchBudget({ connection: commands, keys, node: node.current, budgetBytes: settings.outboxMaxBytes });
  onStop("budget", () => budget.stop());
  if (!isEdge) return { ownerChanged: () => undefined, turnToDrain: turn.wait };
  const reaped = context.metrics.plainCounter(
    "rookery_edge_reaped_nodes_total",
    "Dead nodes whose presence was taken back by this edge.",
  );
  const reaper = startReaper({
    ...{ connection: commands, keys, leaseMs: settings.leaseMs, node: node.current, steadyMs: beats.steadyMs },
    reaped(dead, hasLeft) {
      if (!hasLeft) reaped.n += 1;
      log.info({ dead }, hasLeft ? "cleared away after a node that had left" : "cleared away after a dead node");
    },
    failed: (err) => log.debug({ err }, "the look for dead nodes failed"),
    ...(options.ending === undefined ? {} : { ending: options.ending }),
  });
  onStop("reaper", reaper.stop);
  return { ownerChanged: reaper.compare, turnToDrain: turn.wait };
}
