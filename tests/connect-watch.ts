// Owns a watch over how many connections each edge takes, read from its metrics again and again. Called by the tests of rolling
// restarts. Must never take two processes of one name for one: a restarted one begins at none.
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "@rookery/testkit";

export interface ConnectLook {
  readonly edge: string;
  readonly pid: number;
  readonly atMs: number;
  /** So far, by this process. */
  readonly connects: number;
  /** Upgrades that found no room in the budget of a second, likewise. */
  readonly refused: number;
}

const EVERY_MS = 200;

/** Looks at these edges until its end, which answers the looks. */
export function watchConnects(cluster: Cluster, edges: readonly string[]): { end(): Promise<ConnectLook[]> } {
  const looks: ConnectLook[] = [];
  let isOver = false;
  const look = async (edge: string): Promise<void> => {
    const pid = cluster.pid(edge);
    const found = await cluster.metrics(edge).catch(() => undefined);
    if (found === undefined || pid !== cluster.pid(edge)) return;
    const connects = found.get("rookery_edge_connects_total") ?? 0;
    const refused = found.get('rookery_edge_upgrades_refused_total{reason="too_many_at_once"}') ?? 0;
    looks.push({ edge, pid, atMs: performance.now(), connects, refused });
  };
  const over = (async () => {
    while (!isOver) {
      await Promise.all(edges.map(look));
      await delay(EVERY_MS);
    }
  })();
  return {
    async end() {
      isOver = true;
      await over;
      return looks;
    },
  };
}

/** Looks at an edge that had taken more since the look before than the budget allows. */
export function beyondBudget(looks: readonly ConnectLook[], connectsPerSec: number): ConnectLook[] {
  // A bucket may be full: a second's worth beyond the rate.
  const mostOf = (ms: number): number => connectsPerSec * (1 + ms / 1000);
  return looks.filter(({ pid, atMs, connects }, n) => {
    const last = looks.slice(0, n).findLast((each) => each.pid === pid);
    return last !== undefined && connects - last.connects > mostOf(atMs - last.atMs);
  });
}
