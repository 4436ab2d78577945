// The edge's ear: topics, pulse and relays bound together, and the start that waits for a Redis one may rely on. What
// topics hear goes to relays, what the pulse sees goes to relays and watermark, and a deaf connection is opened anew.
// States: attaching (Redis not yet reached or not yet checked), attached, lost (its topics are being subscribed again).

import { attachRedis, connectRedis, createPulse, createTopics, isReady, UnfitRedis, whenReady } from "@rookery/broker";
import type { History, Topics } from "@rookery/broker";
import type { NodeContext } from "@rookery/node";
import type { EdgeMetrics } from "./metrics.ts";
import type { PersistedNotices } from "./persisted.ts";
import { createRelays } from "./relay.ts";
import type { RelayOutlet, Relays } from "./relay.ts";
import type { Stores } from "./stores.ts";

const PULSE_EVERY_MS = 1000;
/** A channel that lost its last member keeps its topic for a moment: people reload pages. */
const LINGER_MS = 3000;

export interface Subscription {
  readonly relays: Relays;
  /** Resolves once every control topic is acknowledged; goes on trying until then. Ends the process over an unfit Redis. */
  attach(): Promise<void>;
  /** What keeps this edge from serving, in one line, or undefined. */
  trouble(): string | undefined;
  topicCount(): number;
  pulseAgeMs(): number;
  close(): Promise<void>;
}

export interface SubscriptionParts extends Stores {
  readonly context: NodeContext<"edge">;
  readonly history: History;
  readonly persisted: PersistedNotices;
  readonly metrics: EdgeMetrics;
  readonly outlet: RelayOutlet;
}

export function createSubscription(parts: SubscriptionParts): Subscription {
  const { context, commands, reads, keys, partitions, floors, history, persisted, metrics, outlet } = parts;
  const { settings, log, node } = context;
  const { redisUrl: url, commandTimeoutMs } = settings;
  const closing = new AbortController();
  let state: "attaching" | "attached" | "lost" = "attaching";

  const topics: Topics = createTopics({
    connect: () => connectRedis({ url, use: "subscriptions", commandTimeoutMs }),
    keys,
    partitions,
    node,
    listener: {
      envelope: (channel, envelope) => relays.feed(channel, envelope),
      signal: () => undefined,
      saved(partition, watermark) {
        floors.see(partition, watermark.upTo.epoch);
        persisted.stored(partition, watermark);
      },
      control: () => undefined,
      probe: (partition) => pulse.probe(partition),
      lost(reason) {
        if (state === "attached") state = "lost";
        log.warn({ reason }, "subscriptions lost");
      },
      restored(channels) {
        if (state === "lost") state = "attached";
        metrics.resubscribes.n += 1;
        log.info({ channels: channels.length }, "subscriptions restored");
        relays.compare(channels);
        // Perhaps another Redis: as at the first watch. Not waited for, since every cold publication reads them anyway.
        parts.floorReader.read().catch((err: unknown) => log.debug({ err }, "floors not read again yet"));
      },
    },
  });
  const relays = createRelays({
    partitions,
    topics,
    history,
    outlet,
    startTimeoutMs: commandTimeoutMs,
    lingerMs: LINGER_MS,
    counts: metrics.relay,
    fault: (err) => log.error({ err }, "a hole cannot be read back; it is tried again"),
  });
  const pulse = createPulse({
    connection: commands,
    keys,
    partitions,
    node,
    everyMs: PULSE_EVERY_MS,
    channels: (partition) => [...relays.channelsOf(partition)],
    on: {
      report({ partition, epoch, saved, heads }) {
        floors.see(partition, epoch);
        if (saved !== undefined) persisted.stored(partition, saved);
        for (const [channel, head] of heads) relays.sawHead(channel, head);
      },
      missed(probes) {
        metrics.probeMisses.n += 1;
        topics.reconnect(`${probes} probes missed`);
      },
    },
  });

  async function attach(): Promise<void> {
    const warnings = await attachRedis({
      connection: commands,
      keys,
      signal: closing.signal,
      waiting: (reason) => log.warn({ reason }, "this edge says unavailable until Redis answers"),
    });
    for (const warning of warnings) log.warn(warning);
    // A Redis that has answered takes another connection at once; one that is lost meanwhile comes back by itself.
    await whenReady(reads, commandTimeoutMs).catch((err: unknown) => log.warn({ err }, "no connection for reads yet"));
    if (closing.signal.aborted) return;
    await topics.start();
    if (closing.signal.aborted) return;
    pulse.start();
    state = "attached";
  }

  return {
    relays,
    attach: () =>
      attach().catch((err: unknown) => {
        if (err instanceof UnfitRedis) {
          context.refuse(err.message);
          return;
        }
        log.fatal({ err }, "this Redis cannot be listened to");
        context.fail("no topics");
      }),
    trouble() {
      if (!isReady(commands) || !isReady(reads)) return "Redis does not answer";
      return state === "attached" ? undefined : `subscriptions are ${state}`;
    },
    topicCount: () => topics.subscriptions(),
    pulseAgeMs: () => pulse.ageMs(),
    async close() {
      closing.abort();
      pulse.stop();
      relays.close();
      await topics.close();
    },
  };
}
