// The connections of an edge: Postgres, Redis for commands, and what is derived from the number of partitions. Made once by
// main. All of them come up by themselves whenever their server does; nothing here waits for one.

import { connectRedis, createEpochFloors, createKeys, createPartitions } from "@rookery/broker";
import type { ProcessContext } from "@rookery/runtime";
import { connectStore, createOutboxPositions } from "@rookery/store";
import { createFloorReader } from "./floor-reader.ts";

export type Stores = ReturnType<typeof connectStores>;

export function connectStores({ settings, log, node, onStop }: ProcessContext<"edge">) {
  const partitions = createPartitions(settings.partitions);
  const keys = createKeys(partitions);
  let stopping = false;
  const say = (name: string) => (state: "ready" | "lost", detail?: string) => {
    if (!stopping) log[state === "ready" ? "info" : "warn"](detail === undefined ? {} : { detail }, `${name} ${state}`);
  };
  const store = connectStore({
    url: settings.postgresUrl,
    max: settings.postgresConnections,
    application: `rookery-${node}`,
    statementTimeoutMs: settings.statementTimeoutMs,
    onState: say("postgres"),
  });
  onStop("postgres", () => store.close());
  const { redisUrl: url, commandTimeoutMs } = settings;
  const commands = connectRedis({ url, use: "commands", commandTimeoutMs, onState: say("redis") });
  onStop("redis", () => {
    stopping = true;
    commands.disconnect();
  });
  const floors = createEpochFloors();
  const floorReader = createFloorReader(floors, () => createOutboxPositions(store).lastIds());
  return { partitions, keys, store, commands, floors, floorReader };
}
