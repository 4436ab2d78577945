// An edge's word that it has acted upon a control, given by confirm.lua. Called by the edge's follower of control topics.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Confirmations } from "./control-log.ts";
import { formatEntryId } from "./entry-id.ts";
import type { Keys } from "./keys.ts";

/** Whoever waits for a receipt waits for seconds. */
const KEPT_MS = 60_000;

export function createConfirmations({ connection, keys }: { connection: RedisConnection; keys: Keys }): Confirmations {
  return {
    async confirm(partition, number, node, closed) {
      const written = formatEntryId(number);
      const own = keys.partition(partition);
      await answered(connection, () =>
        connection.rookeryConfirm(own.confirmed, own.receipt(written), node, written, closed, KEPT_MS),
      );
    },
  };
}
