// Asks every server that holds partitions who it is, and whether it knows this node: by one partition for all of that server's.
// Called by node-presence.ts now and then, and once one of them has moved: a partition in which nobody is here any more is in
// no pulse, and a leave that its new server never heard of is found by this alone. Changes nothing.
import { MODE_BACK_RATIO } from "@rookery/protocol";
import { CROWD_KEPT_MS } from "./attend-run.ts";
import { isReady, masterOf } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { clusterSlot } from "./partitions.ts";

export interface ServerLookOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  node(this: void): string;
  served(this: void, partition: number, replicationId: string): void;
  /** The mark of this id is not there. */
  fenced(this: void, id: string): void;
}

/** What changes nothing can never come too late. */
const NO_DEADLINE = String(Number.MAX_SAFE_INTEGER);

/** Never rejects: a server that does not answer is asked the next time. */
export type ServerLook = () => Promise<void>;

export function createServerLook({ connection, keys, node, served, fenced }: ServerLookOptions): ServerLook {
  const { partitions } = keys;
  const slots = Array.from({ length: partitions.count }, (_, partition) => clusterSlot(partitions.tag(partition)));

  async function ask(some: readonly number[]): Promise<void> {
    const id = node();
    const own = keys.partition(some[0] ?? 0);
    const fixed = [NO_DEADLINE, "", MODE_BACK_RATIO, CROWD_KEPT_MS, 0];
    const reply: unknown = await connection.rookeryAttend(2, own.lease(id), own.busy, ...fixed);
    const [, outcome, serving]: unknown[] = Array.isArray(reply) ? reply : [];
    if (outcome === "fenced") fenced(id);
    else if (typeof serving === "string") for (const partition of some) served(partition, serving);
  }

  return async () => {
    if (!isReady(connection)) return;
    const servers = new Map<string, number[]>();
    for (const [partition, slot] of slots.entries()) {
      const address = masterOf(connection, slot);
      servers.set(address, [...(servers.get(address) ?? []), partition]);
    }
    await Promise.allSettled([...servers.values()].map(ask));
  };
}
