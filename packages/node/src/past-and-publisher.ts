// What edge and api build over their stores in the same way: the past of channels, the publisher of messages, and their
// changes. A base from Postgres is only as good as the floor that keeps its epoch from being given out again, so both are read
// together.
import { createActivity, createChanges, createHistory, createPublisher } from "@rookery/broker";
import type { Changes, ChangesOptions, History, Publisher } from "@rookery/broker";
import type { Metrics, StopFunction } from "@rookery/runtime";
import { createMessages } from "@rookery/store";
import type { SettingsContext } from "./settings-context.ts";
import type { Stores } from "./stores.ts";

export function createPast({ reads, keys, past, shares }: Stores): History {
  return createHistory({ connection: reads, keys, cold: createMessages(past), statements: shares.past });
}

type NumberingContext = Pick<SettingsContext<"outboxMaxBytes" | "commandTimeoutMs">, "settings" | "log">;
type PublishingContext = NumberingContext & {
  readonly metrics: Pick<Metrics, "histogram">;
  onStop(this: void, name: string, stop: StopFunction): void;
};

type RightsEnd = Pick<ChangesOptions, "rightsUntilMs">;

/** Up to the most that a run takes. */
const RUN_MESSAGES = [1, 2, 4, 8, 16, 32, 64];
/** From one round trip on one machine to the command timeout. */
const REDIS_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/**
 * `trouble`: why nothing may be numbered in this Redis yet, or undefined. `rights`: until when what is known of them may be relied
 * upon, where that ends.
 */
export function createNodePublisher(
  context: PublishingContext,
  stores: Stores,
  trouble: () => string | undefined,
  rights: RightsEnd = {},
): Publisher {
  const runMessages = context.metrics.histogram(
    "rookery_process_run_messages",
    "Messages that were sent to Redis in one run.",
    RUN_MESSAGES,
  );
  const redisSeconds = context.metrics.histogram(
    "rookery_process_redis_seconds",
    "From a message's run to Redis to its answer, the wait in both queues with it.",
    REDIS_SECONDS,
  );
  const activity = createActivity({
    ...{ connection: stores.commands, keys: stores.keys },
    failed: (err) => context.log.debug({ err }, "what was said in a second is not counted"),
  });
  context.onStop("activity", activity.close);
  return createPublisher({
    ...numbering(context, stores, trouble),
    ...rights,
    partitions: stores.partitions,
    metrics: {
      ran: (count) => runMessages.observe(count),
      answered: (_, tookMs) => redisSeconds.observe(tookMs / 1000),
    },
    numbered: activity.numbered,
  });
}

/** `trouble` and `rights` as of the publisher. */
export function createNodeChanges(
  context: NumberingContext,
  stores: Stores,
  trouble: () => string | undefined,
  rights: RightsEnd = {},
): Changes {
  const messages = createMessages(stores.store);
  return createChanges({
    ...numbering(context, stores, trouble),
    ...rights,
    findStored: (channel, id, user) => messages.find(channel, id, user),
  });
}

/** What numbers in Redis, and what it needs of Postgres for that. */
function numbering(
  { settings, log }: NumberingContext,
  { writes, keys, floors, floorReader, store }: Stores,
  trouble: () => string | undefined,
): Omit<ChangesOptions, "findStored"> {
  const messages = createMessages(store);
  return {
    ...writes,
    keys,
    floors,
    async lastSaved(channel) {
      await floorReader.read();
      return messages.last(channel);
    },
    outboxMaxBytes: settings.outboxMaxBytes,
    trouble,
    deadlineMs: settings.commandTimeoutMs,
    failed: (channel, reason) => log.error({ channel, reason }, "Redis refused a part of a publication"),
  };
}
