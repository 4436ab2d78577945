// The connections of an edge: Postgres and Redis, each with a way of its own for reads of history, so that somebody's pages
// never stand before a send; and what is derived from the number of partitions. Made once by main. All of them come up by
// themselves whenever their server does; nothing here waits for one.

import { connectRedis, createEpochFloors, createKeys, createPartitions } from "@rookery/broker";
import type { NodeContext } from "@rookery/node";
import { connectStore, createOutboxPositions, shareConnections } from "@rookery/store";
import { createFloorReader } from "./floor-reader.ts";

export type Stores = ReturnType<typeof connectStores>;

export function connectStores({ settings, log, node, onStop }: NodeContext<"edge">) {
  const partitions = createPartitions(settings.partitions);
  const keys = createKeys(partitions);
  let stopping = false;
  const say = (name: string) => (state: "ready" | "lost", detail?: string) => {
    if (!stopping) log[state === "ready" ? "info" : "warn"](detail === undefined ? {} : { detail }, `${name} ${state}`);
  };
  const { redisUrl: url, commandTimeoutMs, postgresUrl, statementTimeoutMs } = settings;
  const shares = shareConnections(settings.postgresConnections);
  const pool = { url: postgresUrl, application: `rookery-${node}`, statementTimeoutMs };
  const store = connectStore({ ...pool, max: shares.commands, onState: say("postgres") });
  // Of these two nothing is said: they are lost and ready with the others, and once is enough.
  const past = connectStore({ ...pool, max: shares.past });
  onStop("postgres", () => Promise.all([store.close(), past.close()]).then(() => undefined));
  const commands = connectRedis({ url, use: "commands", commandTimeoutMs, onState: say("redis") });
  const reads = connectRedis({ url, use: "reads", commandTimeoutMs });
  onStop("redis", () => {
    stopping = true;
    commands.disconnect();
    reads.disconnect();
  });
  const floors = createEpochFloors();
  const floorReader = createFloorReader(floors, () => createOutboxPositions(store).lastIds());
  return { partitions, keys, store, past, shares, commands, reads, floors, floorReader };
}
