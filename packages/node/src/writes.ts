// By what messages and changes are written, as ROOKERY_ACK says: by the connection of commands, or by one of their own on which
// a replica is waited for. Used by stores.ts. Tells metrics of every wait, and the log when replicas are missed and are back.
import { createFastLinks, createSafeLinks } from "@rookery/broker";
import type { Keys, RedisConnection, WriteLinks } from "@rookery/broker";
import type { Metrics } from "@rookery/runtime";
import type { NodeConnections } from "./node-connections.ts";
import type { SettingsContext } from "./settings-context.ts";

/** What publisher and changes are given. */
export interface Writes {
  readonly connection: RedisConnection;
  readonly links: WriteLinks;
}

export type WritingContext = SettingsContext<"ack" | "commandTimeoutMs"> & {
  readonly metrics: Pick<Metrics, "histogram" | "plainCounter">;
};

/** A write may stand behind another one's wait before it has its own, and all of that is to end before its command times out. */
const COMMAND_TIMEOUT_SHARE = 1 / 3;

const WAIT_SECONDS = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1];

export function createWrites(
  { settings, log, metrics }: WritingContext,
  keys: Keys,
  commands: RedisConnection,
  connect: NodeConnections["redis"],
): Writes {
  const seconds = metrics.histogram(
    "rookery_process_replica_wait_seconds",
    "How long a replica was waited for, for all that was written until then.",
    WAIT_SECONDS,
  );
  const short = metrics.plainCounter(
    "rookery_process_replica_shortages_total",
    "Waits for a replica that ended without one: what waited is unknown to its senders.",
  );
  if (settings.ack === "fast") return { connection: commands, links: createFastLinks(commands) };
  const connection = connect("writes");
  let isMissed = false;
  const links = createSafeLinks({
    ...{ connection, partitions: keys.partitions },
    waitMs: Math.ceil(settings.commandTimeoutMs * COMMAND_TIMEOUT_SHARE),
    waited(tookMs, isShort) {
      seconds.observe(tookMs / 1_000);
      if (isShort) short.n += 1;
      if (isShort === isMissed) return;
      isMissed = isShort;
      if (isShort) log.warn("no replica of Redis has what was written: senders hear unknown until one follows");
      else log.info("a replica of Redis follows again");
    },
  });
  return { connection, links };
}
