// Tells the cluster every two seconds that this process lives, and at its end that it left. Started by edge and api.
// A beat that fails is made up for by the next: the lease outlasts three.
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { createRegistry } from "./registry.ts";
import type { NodeRecord } from "./registry.ts";

export interface BeatsOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly leaseMs: number;
  readonly self: Pick<NodeRecord, "node" | "kind" | "version">;
  /** What changes from beat to beat. */
  load(this: void): Pick<NodeRecord, "connections" | "draining">;
  failed(this: void, error: unknown): void;
}

const EVERY_MS = 2000;

/** The function that ends them resolves when this node is off the list. */
export function startBeats({ connection, keys, leaseMs, self, load, failed }: BeatsOptions): () => Promise<void> {
  const registry = createRegistry({ connection, keys, leaseMs });
  const fixed = { ...self, pid: process.pid, startedAt: Date.now() };
  const beat = (): void => {
    if (isReady(connection)) registry.beat({ ...fixed, ...load(), beatAt: Date.now() }).catch(failed);
  };
  const timer = setInterval(beat, EVERY_MS);
  beat();
  connection.on("ready", beat);
  return async () => {
    clearInterval(timer);
    connection.removeListener("ready", beat);
    if (isReady(connection)) await registry.leave(self.node);
  };
}
