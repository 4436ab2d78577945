// Tells the cluster every two seconds that this process lives, under its present id, and at its end that it left. Started by
// every process. A beat that fails is made up for by the next: the lease outlasts three.
// States: beating (the id of the last beat is on the list; when it changes, the former one is taken off first), left.
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
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
  failed(this: void, error: unknown): void;
}

export interface Beats {
  /** Another beat, at once: to be called when the id has changed. */
  beat(this: void): void;
  /** Resolves when this node is off the list. */
  leave(this: void): Promise<void>;
}

const EVERY_MS = 2000;

export function startBeats({ connection, keys, leaseMs, node, self, load, failed }: BeatsOptions): Beats {
  const registry = createRegistry({ connection, keys, leaseMs });
  const fixed = { ...self, pid: process.pid, startedAt: Date.now(), envelopes: NEWEST_ENVELOPE };
  /** Ids under which this process was heard and has not left yet; at most two for longer than a beat. */
  const listed = new Set<string>();

  async function tell(): Promise<void> {
    const id = node();
    for (const former of listed) {
      if (former === id) continue;
      await registry.leave(former);
      listed.delete(former);
    }
    listed.add(id);
    await registry.beat({ ...fixed, node: id, ...load(), beatAt: Date.now() });
  }

  const beat = (): void => {
    if (isReady(connection)) tell().catch(failed);
  };
  const timer = setInterval(beat, EVERY_MS);
  beat();
  connection.on("ready", beat);
  return {
    beat,
    async leave() {
      clearInterval(timer);
      connection.removeListener("ready", beat);
      if (isReady(connection)) await Promise.all([...listed].map((id) => registry.leave(id)));
    },
  };
}
