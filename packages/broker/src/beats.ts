// Tells the cluster every two seconds that this process lives, under its present id, and at its end that it left. Started by
// every process. A beat that fails is made up for by the next: the lease outlasts three.
// Must never take an id up again that was condemned: the process goes on under another one.
// States: beating (the id of the last beat is on the list; when it changes, the former one is given up first), left.
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { GONE_MS } from "./expected-edges.ts";
import type { Keys } from "./keys.ts";
import { createRegistry } from "./registry.ts";
import type { NodeRecord } from "./registry.ts";
import { NEWEST_ENVELOPE } from "./unpack-envelope.ts";

export interface BeatsOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly leaseMs: number;
  /** The id under which this process speaks now. */
  node(this: void): string;
  readonly self: Pick<NodeRecord, "kind" | "kinds" | "version">;
  /** What changes from beat to beat. */
  load(this: void): Pick<NodeRecord, "connections" | "draining">;
  /**
   * Of a node that leaves something behind: when it leaves, its lease holds for so long still, and its record until what it
   * left has been cleared away. Absent of one that leaves nothing.
   */
  readonly lapseMs?: number | undefined;
  /** Whether there can be anything to leave behind; absent: there can. One that never got so far is gone at once. */
  hasServed?(this: void): boolean;
  /** The present id was condemned: others clear away after it. The node has to take another one. */
  condemned?(this: void): void;
  /** Somebody tells this node to drain: with each beat until it is gone. */
  toldToDrain?(this: void): void;
  failed(this: void, error: unknown): void;
}

export interface Beats {
  /** Another beat, at once: to be called when the id has changed. */
  beat(this: void): void;
  /** Resolves when this node is off the list, or its lease has its last time to live. */
  leave(this: void): Promise<void>;
  /** For how long, up to now, every beat was answered in time. */
  steadyMs(this: void): number;
}

const MOST_EVERY_MS = 2_000;

/** Three beats go into a lease. */
export function beatEveryMs(leaseMs: number): number {
  return Math.min(MOST_EVERY_MS, leaseMs / 3);
}

/**
 * Two answers that lie further apart were parted by an outage. Shorter than the two beats' time that the lease of another
 * node, who beat last just before, is sure to outlast.
 */
const STEADY_BEATS = 1.75;
/** Of a former id: what it left is cleared away at the next look. */
const AT_ONCE_MS = 1;

export function startBeats(options: BeatsOptions): Beats {
  const { connection, keys, leaseMs, node, self, load, lapseMs, failed } = options;
  const registry = createRegistry({ connection, keys, leaseMs });
  const everyMs = beatEveryMs(leaseMs);
  const fixed = { ...self, pid: process.pid, startedAt: Date.now(), envelopes: NEWEST_ENVELOPE };
  /** Ids under which this process was heard and has not left yet; at most two for longer than a beat. */
  const listed = new Set<string>();
  /** Ids that were given up, and until when somebody may ask for them. */
  const formers = new Map<string, number>();
  let telling: Promise<void> = Promise.resolve();
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  let steadySinceMs = 0;

  const recordOf = (id: string): NodeRecord => ({ ...fixed, node: id, ...load(), beatAt: Date.now() });

  async function giveUp(former: string): Promise<void> {
    if (lapseMs === undefined) return registry.leave(former);
    await registry.lapse({ ...recordOf(former), draining: true }, AT_ONCE_MS);
    formers.set(former, performance.now() + GONE_MS);
  }

  /** Whoever clears away after a former id may be done only now. */
  async function supersedeFormers(): Promise<void> {
    for (const [former, untilMs] of formers) if (performance.now() > untilMs) formers.delete(former);
    if (formers.size > 0) await registry.supersede([...formers.keys()]);
  }

  function leaveAs(id: string): Promise<void> {
    if (lapseMs === undefined || options.hasServed?.() === false) return registry.leave(id);
    return registry.lapse({ ...recordOf(id), draining: true, left: true }, lapseMs);
  }

  async function tell(): Promise<void> {
    const id = node();
    for (const former of listed) {
      if (former === id) continue;
      await giveUp(former);
      listed.delete(former);
    }
    listed.add(id);
    const answer = await registry.beat(recordOf(id));
    const nowMs = performance.now();
    if (nowMs - answeredAtMs > everyMs * STEADY_BEATS) steadySinceMs = nowMs;
    answeredAtMs = nowMs;
    if (answer === "condemned" && id === node()) options.condemned?.();
    if (answer === "told to drain") options.toldToDrain?.();
    await supersedeFormers();
  }

  const missed = (error: unknown): void => {
    answeredAtMs = Number.NEGATIVE_INFINITY;
    failed(error);
  };
  const beat = (): void => {
    if (isReady(connection)) telling = tell().catch(missed);
    else answeredAtMs = Number.NEGATIVE_INFINITY;
  };
  const timer = setInterval(beat, everyMs);
  beat();
  connection.on("ready", beat);
  return {
    beat,
    async leave() {
      clearInterval(timer);
      connection.removeListener("ready", beat);
      await telling;
      if (isReady(connection)) await Promise.all([...listed].map(leaveAs));
    },
    steadyMs() {
      const nowMs = performance.now();
      return nowMs - answeredAtMs > everyMs * STEADY_BEATS ? 0 : nowMs - steadySinceMs;
    },
  };
}
