// The connections of a persister: Postgres for its batches, Redis for commands and, apart from them, for reads of the outbox
// that block; and whether each store can be reached, as far as the connections themselves notice. Made once by main.
import { isReady } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import { createNodeConnections } from "@rookery/node";
import type { NodeContext } from "@rookery/node";
import { outageReason } from "@rookery/store";
import type { Store } from "@rookery/store";
import { createOutage } from "./outage.ts";
import type { Outage } from "./outage.ts";

export interface PersisterStores {
  readonly keys: Keys;
  readonly store: Store;
  readonly commands: RedisConnection;
  readonly reader: RedisConnection;
  readonly outages: { readonly redis: Outage; readonly postgres: Outage };
  /** Both connections to Redis. */
  isRedisThere(this: void): boolean;
  /** Has this done whenever a connection to Redis is ready again. */
  onReconnect(this: void, act: () => void): void;
}

export function connectStores(context: NodeContext<"persister">): PersisterStores {
  const { settings, log } = context;
  const { keys, redis, postgres } = createNodeConnections(context);
  const isRedisThere = (): boolean => isReady(commands) && isReady(reader);
  const outages = {
    redis: createOutage("Redis", log, { isWhole: isRedisThere }),
    postgres: createOutage("Postgres", log, { reasonOf: outageReason }),
  };
  // A commit may outlast a short outage inside the driver, which connects again by itself; the store has noticed it.
  const store = postgres(settings.postgresConnections, (state, detail) => {
    if (state === "lost") outages.postgres.lost(detail, "away");
    else outages.postgres.back();
    if (state === "ready" && detail !== undefined) log.info({ detail }, "Postgres ready");
  });
  let reconnected: () => void = () => undefined;
  const told = (state: "ready" | "lost", detail?: string): void => {
    if (state === "ready") reconnected();
    // A connection that is closed by us has no fault to tell.
    else if (detail !== undefined) outages.redis.lost(detail, "away");
  };
  const commands = redis("commands", told);
  const reader = redis("outbox", told);
  const onReconnect = (act: () => void): void => {
    reconnected = act;
  };
  return { keys, store, commands, reader, outages, isRedisThere, onReconnect };
}
