// Tells the cluster every two seconds that this process lives, and at its end that it left. Started by main.
// A beat that fails is made up for by the next: the lease outlasts three.
import { createRegistry, isReady } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import { VERSION } from "@rookery/runtime";
import type { Log } from "@rookery/runtime";

export interface BeatsOptions {
  readonly node: string;
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly leaseMs: number;
  readonly log: Pick<Log, "debug">;
  isDraining(this: void): boolean;
}

const EVERY_MS = 2000;

/** The function that ends them resolves when this node is off the list. */
export function startBeats({ node, connection, keys, leaseMs, log, isDraining }: BeatsOptions): () => Promise<void> {
  const registry = createRegistry({ connection, keys, leaseMs });
  const startedAt = Date.now();
  const beat = (): void => {
    if (!isReady(connection)) return;
    const self = { node, kind: "api", pid: process.pid, version: VERSION, startedAt, connections: 0 } as const;
    registry
      .beat({ ...self, draining: isDraining(), beatAt: Date.now() })
      .catch((error: unknown) => log.debug({ err: error }, "beat failed"));
  };
  const timer = setInterval(beat, EVERY_MS);
  beat();
  connection.on("ready", beat);
  return async () => {
    clearInterval(timer);
    connection.removeListener("ready", beat);
    if (isReady(connection)) await registry.leave(node);
  };
}
