// A node's lease sets in all partitions: makes them under the node's present id, and goes on trying until each stands. Called by
// node-presence.ts at the start and after every new id.
// Must never make one for an id that was given up meanwhile.
import { isReady, ONE_SERVER, masterOf } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { clusterSlot } from "./partitions.ts";
import type { RedisClock } from "./redis-clock.ts";

export interface LeaseSetsOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly serverClock: RedisClock;
  /** How long a call may act. */
  readonly deadlineMs: number;
  node(this: void): string;
  clock(this: void): number;
  later(this: void, ms: number, work: () => void): void;
  /** The lease set of the present id stands, at the server of this replication id. */
  opened(this: void, partition: number, serving: string): void;
}

export interface LeaseSets {
  /** Makes those of the present id; what is under way for another one comes to nothing. */
  open(): void;
  close(): void;
}

const AGAIN_MS = 100;

export function createLeaseSets(options: LeaseSetsOptions): LeaseSets {
  const { connection, keys, serverClock, clock } = options;
  const all = Array.from({ length: keys.partitions.count }, (_, partition) => partition);
  let attempt = 0;

  /** Undefined where nothing happened, or what did is not known: a repeat changes nothing. */
  async function make(some: readonly number[], node: string): Promise<string | undefined> {
    const [partition = 0] = some;
    const names = some.flatMap((each) => [keys.partition(each).leases, keys.partition(each).lease(node)]);
    const sentMs = clock();
    const deadline = serverClock.toServer(partition, sentMs + options.deadlineMs);
    const reply: unknown = await connection.rookeryOpenLease(names.length, ...names, deadline, node);
    const [nowMs, outcome, serving]: unknown[] = Array.isArray(reply) ? reply : [];
    if (typeof nowMs === "number") serverClock.learn(partition, sentMs, clock(), nowMs);
    return outcome === "ok" && typeof serving === "string" ? serving : undefined;
  }

  /** Those whose keys may be named together. */
  function groups(some: readonly number[]): (readonly number[])[] {
    const isOne = masterOf(connection, clusterSlot(keys.partitions.tag(0))) === ONE_SERVER;
    return isOne ? [some] : some.map((partition) => [partition]);
  }

  async function openAll(some: readonly number[], own: number): Promise<void> {
    const node = options.node();
    const left: number[] = [];
    const ready = isReady(connection);
    await Promise.all(
      groups(some).map(async (group) => {
        // Whatever keeps Redis from answering passes.
        const serving = ready ? await make(group, node).catch(() => undefined) : undefined;
        if (own !== attempt) return;
        if (serving === undefined) left.push(...group);
        else for (const partition of group) options.opened(partition, serving);
      }),
    );
    if (left.length === 0 || own !== attempt) return;
    options.later(AGAIN_MS, () => {
      if (own === attempt) start(left, own);
    });
  }

  function start(some: readonly number[], own: number): void {
    openAll(some, own).catch(() => undefined);
  }

  return {
    open() {
      attempt += 1;
      start(all, attempt);
    },
    close() {
      attempt += 1;
    },
  };
}
