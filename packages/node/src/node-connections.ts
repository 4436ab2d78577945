// The connections of one process to Redis and Postgres, each made by one call and given back at the stop. Used by stores.ts
// and by the persister. They come up by themselves whenever their server does; nothing here waits for one.
import { connectRedis, createKeys, createPartitions } from "@rookery/broker";
import type { ConnectionUse, Keys, RedisConnection } from "@rookery/broker";
import { connectStore } from "@rookery/store";
import type { Store } from "@rookery/store";
import type { ProcessContext } from "@rookery/runtime";
import type { SettingsContext } from "./settings-context.ts";

/** Told once a change; `detail` is the last fault's text. */
export type ToldState = (state: "ready" | "lost", detail?: string) => void;

export interface NodeConnections {
  readonly keys: Keys;
  redis(this: void, use: ConnectionUse, told?: ToldState): RedisConnection;
  /** `max`: connections of this pool. */
  postgres(this: void, max: number, told?: ToldState): Store;
  /** Says in the log that a store is ready or lost, but not that this process has closed it. */
  say(this: void, name: string): ToldState;
}

export type ConnectingContext = SettingsContext<
  "partitions" | "redisUrl" | "redisCa" | "commandTimeoutMs" | "postgresUrl" | "statementTimeoutMs"
> &
  Pick<ProcessContext<unknown>, "refuse">;

export function createNodeConnections({ settings, log, node, onStop, refuse }: ConnectingContext): NodeConnections {
  const { redisUrl: url, redisCa: ca, commandTimeoutMs, postgresUrl, statementTimeoutMs } = settings;
  let isClosing = false;
  return {
    keys: createKeys(createPartitions(settings.partitions)),
    redis(use, told) {
      const connection = connectRedis({ url, ca, use, commandTimeoutMs, ...(told && { onState: told }) });
      onStop(`redis ${use}`, () => {
        isClosing = true;
        connection.disconnect();
      });
      return connection;
    },
    postgres(max, told) {
      const application = `rookery-${node.current()}`;
      const pool = { url: postgresUrl, max, application, statementTimeoutMs, refusedSchema: refuse };
      const store = connectStore({ ...pool, ...(told && { onState: told }) });
      onStop("postgres", () => {
        isClosing = true;
        return store.close();
      });
      return store;
    },
    say: (name) => (state, detail) => {
      if (isClosing) return;
      log[state === "ready" ? "info" : "warn"](detail === undefined ? {} : { detail }, `${name} ${state}`);
    },
  };
}
