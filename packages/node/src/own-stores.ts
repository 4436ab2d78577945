// Has a process make sure that its Redis and its Postgres belong to one cluster and to no other, and refuse when they do not.
// Started by every service once its Redis is known to be fit; what it looks at is in the broker's belonging.
import { createClusterMarks, startBelonging } from "@rookery/broker";
import type { Belonging, Keys, RedisConnection } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { ProcessContext } from "@rookery/runtime";
import { createClusterLedger } from "@rookery/store";
import type { Store } from "@rookery/store";

export interface OwnStoresOptions {
  readonly context: Pick<ProcessContext<unknown>, "log" | "onStop" | "refuse">;
  readonly commands: RedisConnection;
  readonly keys: Keys;
  readonly store: Store;
  /** The looking begins with it. */
  readonly after: Promise<unknown>;
  /** A persister: it waits before it empties the outbox, which an operator should know, and tells Postgres of its Redis. */
  readonly drains: boolean;
}

export function watchOwnStores({ context, commands, keys, store, after, drains }: OwnStoresOptions): Belonging {
  const { log, onStop, refuse } = context;
  const belonging = startBelonging({
    marks: createClusterMarks(commands, keys),
    ledger: createClusterLedger(store),
    after,
    drains,
    foreign: refuse,
    waiting: (reason) => {
      if (drains) log.warn({ reason }, "this persister waits");
      else log.debug({ reason }, "whose Redis this is shows soon");
    },
    fault: (err) => log[err instanceof ChatError ? "debug" : "error"]({ err }, "whose stores these are is not known"),
  });
  onStop("belonging", belonging.close);
  return belonging;
}
