// The stores of a node that serves clients: Postgres and Redis, each with a way of its own for reads of history, so that
// somebody's pages never stand before a send; and what is derived from the number of partitions. Made once by edge and api.
import { createEpochFloors } from "@rookery/broker";
import type { EpochFloors, Keys, Partitions, RedisConnection } from "@rookery/broker";
import { createOutboxPositions, shareConnections } from "@rookery/store";
import type { ConnectionShares, Store } from "@rookery/store";
import { createFloorReader } from "./floor-reader.ts";
import type { FloorReader } from "./floor-reader.ts";
import { createNodeConnections } from "./node-connections.ts";
import type { ConnectingContext } from "./node-connections.ts";
import type { SettingsContext } from "./settings-context.ts";
import { createWrites } from "./writes.ts";
import type { Writes, WritingContext } from "./writes.ts";

export interface Stores {
  readonly keys: Keys;
  readonly partitions: Partitions;
  /** Statements of commands. */
  readonly store: Store;
  /** Statements of pages. */
  readonly past: Store;
  readonly shares: ConnectionShares;
  readonly commands: RedisConnection;
  readonly reads: RedisConnection;
  readonly writes: Writes;
  readonly floors: EpochFloors;
  readonly floorReader: FloorReader;
}

type StoresContext = ConnectingContext & WritingContext & SettingsContext<"postgresConnections">;

export function connectStores(context: StoresContext): Stores {
  const { keys, redis, postgres, say } = createNodeConnections(context);
  const shares = shareConnections(context.settings.postgresConnections);
  const store = postgres(shares.commands, say("postgres"));
  // Of the ways for pages nothing is said: they are lost and ready with the others, and once is enough.
  const past = postgres(shares.past);
  const commands = redis("commands", say("redis"));
  const reads = redis("reads");
  const writes = createWrites(context, keys, commands, redis);
  const changes = context.metrics.plainCounter(
    "rookery_process_epoch_changes_total",
    "Times that a partition was met in a higher epoch than the one known.",
  );
  const floors = createEpochFloors(changes);
  const floorReader = createFloorReader(floors, () => createOutboxPositions(store).lastIds());
  return { keys, partitions: keys.partitions, store, past, shares, commands, reads, writes, floors, floorReader };
}
