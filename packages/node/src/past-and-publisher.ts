// What edge and api build over their stores in the same way: the past of channels, and the publisher of messages. A base
// from Postgres is only as good as the floor that keeps its epoch from being given out again, so both are read together.
import { createHistory, createPublisher } from "@rookery/broker";
import type { History, Publisher } from "@rookery/broker";
import type { Metrics } from "@rookery/runtime";
import { createMessages } from "@rookery/store";
import type { SettingsContext } from "./settings-context.ts";
import type { Stores } from "./stores.ts";

export function createPast({ reads, keys, past, shares }: Stores): History {
  return createHistory({ connection: reads, keys, cold: createMessages(past), statements: shares.past });
}

type PublishingContext = Pick<SettingsContext<"outboxMaxBytes" | "commandTimeoutMs">, "settings" | "log"> & {
  readonly metrics: Pick<Metrics, "histogram">;
};

/** Up to the most that a run takes. */
const RUN_MESSAGES = [1, 2, 4, 8, 16, 32, 64];

/** `trouble`: why nothing may be numbered in this Redis yet, or undefined. */
export function createNodePublisher(
  { settings, log, metrics }: PublishingContext,
  { commands, keys, partitions, floors, floorReader, store }: Stores,
  trouble: () => string | undefined,
): Publisher {
  const messages = createMessages(store);
  const runMessages = metrics.histogram(
    "rookery_process_run_messages",
    "Messages that were sent to Redis in one run.",
    RUN_MESSAGES,
  );
  return createPublisher({
    connection: commands,
    keys,
    partitions,
    floors,
    async lastSaved(channel) {
      await floorReader.read();
      return messages.last(channel);
    },
    outboxMaxBytes: settings.outboxMaxBytes,
    trouble,
    deadlineMs: settings.commandTimeoutMs,
    metrics: { ran: (count) => runMessages.observe(count) },
    failed: (channel, reason) => log.error({ channel, reason }, "Redis refused a part of a publication"),
  });
}
