// Clears away after nodes that died: one edge at a time, which holds the office, looks once a second who is on the list without a
// lease, condemns them, and takes back what they had. Started by every edge beside its beats.
// Must never take the silence of Redis for that of a node: a look counts only if this edge's own beats, and all servers, have
// been answered for one whole lease. After an outage that starts anew, and where another server took over: by its clock
// every lease may have ended.
// States: resting (another holds the office, or there is nothing to do), clearing (looks go on to keep the office), stopped.
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createLookForDead } from "./dead-nodes.ts";
import type { DeadNodes } from "./dead-nodes.ts";
import type { Keys } from "./keys.ts";
import { createReaping } from "./reaping.ts";
import type { ReapingOptions } from "./reaping.ts";
import { readRecord } from "./registry.ts";

export interface ReaperOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly leaseMs: number;
  node(this: void): string;
  /** For how long, up to now, this node's beats were answered. */
  steadyMs(this: void): number;
  /** A node was cleared away after; `hasLeft`: one that had left in order, and not died. */
  reaped?(this: void, node: string, hasLeft: boolean): void;
  failed?(this: void, error: unknown): void;
  readonly ending?: ReapingOptions["ending"];
  /** Users that one run takes back. */
  readonly chunk?: number;
  /** Between two comparisons of what the partitions list with the nodes there are. */
  readonly compareEveryMs?: number;
}

export interface Reaper {
  /** One look, as the timer makes it. Never rejects. */
  look(this: void): Promise<void>;
  /** What the partitions list is compared at the next look: to be called when another server took over. */
  compare(this: void): void;
  stop(this: void): void;
}

const MOST_EVERY_MS = 1_000;
/** Six looks go into a lease; two may be lost before another edge takes over. */
const LOOKS = 6;
const OFFICE_LOOKS = 3;
const COMPARE_EVERY_MS = 10_000;
const CHUNK = 100;
/** A node that was frozen for longer finds itself without its mark, and takes another id then. */
const CONDEMNED_MS = 24 * 3_600_000;

export function startReaper(options: ReaperOptions): Reaper {
  const { connection, keys, leaseMs, compareEveryMs = COMPARE_EVERY_MS } = options;
  const everyMs = Math.min(MOST_EVERY_MS, leaseMs / LOOKS);
  const partitions = Array.from({ length: keys.partitions.count }, (_, partition) => partition);
  let isStopped = false;
  let isLooking = false;
  let isClearing = false;
  let holds = false;
  /** Since when every look was answered, by the same servers. */
  let looksSinceMs = Number.NEGATIVE_INFINITY;
  let comparedAtMs = Number.NEGATIVE_INFINITY;
  /** Lease sets of nodes that were not on the list at the last comparison: they may just have taken their id. */
  let suspects: ReadonlySet<string> = new Set<string>();
  const reaping = createReaping({
    ...{ connection, keys, chunk: options.chunk ?? CHUNK },
    goesOn: () => holds && !isStopped,
    ...(options.ending === undefined ? {} : { ending: options.ending }),
  });

  const lookForDead = createLookForDead({
    ...{ connection, keys, node: options.node },
    heldMs: Math.ceil(everyMs * OFFICE_LOOKS),
  });

  const isSteady = (): boolean => options.steadyMs() >= leaseMs && performance.now() - looksSinceMs >= leaseMs;

  async function isCondemned(dead: string): Promise<boolean> {
    return isSteady() && (await connection.rookeryCondemn(keys.node(dead), CONDEMNED_MS)) === 1;
  }

  const failed = (error: unknown): void => options.failed?.(error);

  /** Trouble with one keeps nobody from clearing away after the others; the next look finds it again. */
  async function clear(dead: string, loud: boolean): Promise<void> {
    try {
      const hasLeft = readRecord(await connection.hget(keys.nodes, dead))?.left === true;
      if (await reaping.reap(dead, loud)) options.reaped?.(dead, hasLeft);
    } catch (error) {
      failed(error);
    }
  }

  /** One that another edge condemned is gone on with. */
  async function clearListed({ silent, condemned }: DeadNodes): Promise<void> {
    for (const each of condemned) await clear(each, true);
    for (const each of silent) if (await isCondemned(each)) await clear(each, true);
  }

  /** Lease sets that nobody on the list owns: a failover brought them back, so who left with them is known already. */
  async function clearOrphans(): Promise<void> {
    if (!isSteady() || performance.now() - comparedAtMs < compareEveryMs) return;
    comparedAtMs = performance.now();
    const names = partitions.map((each) => keys.partition(each).leases);
    const leased = connection.isCluster
      ? await Promise.all(names.map((each) => connection.smembers(each)))
      : [await connection.sunion(...names)];
    const listed = new Set(await connection.hkeys(keys.nodes));
    const orphans = new Set(leased.flat().filter((each) => !listed.has(each)));
    const certain = [...orphans].filter((each) => suspects.has(each));
    suspects = orphans;
    // The next look finds them again, if nobody has come on the list meanwhile.
    if (orphans.size > certain.length) comparedAtMs = Number.NEGATIVE_INFINITY;
    for (const orphan of certain) if (await isCondemned(orphan)) await clear(orphan, false);
  }

  async function clearAll(dead: DeadNodes): Promise<void> {
    isClearing = true;
    try {
      await clearListed(dead);
      await clearOrphans();
    } finally {
      isClearing = false;
    }
  }

  async function look(): Promise<void> {
    if (isLooking || isStopped) return;
    isLooking = true;
    let dead: DeadNodes | undefined;
    try {
      if (!isReady(connection)) throw new Error("Redis does not answer");
      const told = await lookForDead();
      dead = told.dead;
      if (told.isMoved) looksSinceMs = performance.now();
    } catch (error) {
      looksSinceMs = performance.now();
      failed(error);
    } finally {
      isLooking = false;
    }
    holds = dead !== undefined;
    if (dead !== undefined && !isClearing && !isStopped) await clearAll(dead).catch(failed);
  }

  const lookOn = (): void => {
    // A look answers for its own failures.
    look().catch(failed);
  };
  const timer = setInterval(lookOn, everyMs);
  lookOn();
  return {
    look,
    compare() {
      comparedAtMs = Number.NEGATIVE_INFINITY;
    },
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
