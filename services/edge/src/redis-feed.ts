// What an edge hears from Redis: topics, pulse, watch and relays bound together, and the start that waits for a Redis one may
// rely on. Made by main. What topics and the pulse tell is handed to relays, `signals`, `persisted`, `rights` and `control`, each
// its part; a deaf connection is opened anew. It judges no envelope and reaches no socket.
// States: attaching (Redis not yet reached or not yet checked), attached, lost (its topics are being subscribed again).

import { connectRedis, createPulse, createTopics, isReady, whenReady } from "@rookery/broker";
import type { History, PulseReport, Topics } from "@rookery/broker";
import type { FitRedis, NodeContext, Stores } from "@rookery/node";
import type { Rights } from "@rookery/rights";
import type { Gate } from "./control/gate.ts";
import type { EdgeMetrics } from "./metrics.ts";
import type { EdgeSignals } from "./signals.ts";
import type { PersistedNotices } from "./persisted.ts";
import { createRelays } from "./relay.ts";
import type { RelayOutlet, Relays } from "./relay.ts";
import { createWatch } from "./watch.ts";
import type { Watch } from "./watch.ts";

type Context = NodeContext<"edge">;

const PULSE_EVERY_MS = 1000;
/** A channel that lost its last member keeps its topic for a moment: people reload pages. */
const LINGER_MS = 3000;

/** What Redis says of changes of rights: as it was announced, and, beside it each second, what shows that one was missed. */
export type Control =
  | { readonly kind: "announced"; readonly partition: number; readonly text: string }
  | { readonly kind: "unwatched"; readonly partition: number }
  | Compared;

export interface Compared extends Pick<PulseReport, "partition" | "owner" | "serving" | "control" | "askedAtMs"> {
  readonly kind: "compared";
  /** Another server answered than at the last look. */
  readonly isMoved: boolean;
}

export interface RedisFeed {
  readonly relays: Relays;
  /** To be held by whoever is about to rely on what is remembered of a partition. */
  readonly watch: Pick<Watch, "hold" | "ready" | "release">;
  /** Resolves once every control topic is acknowledged; goes on trying until then. */
  attach(): Promise<void>;
  /** What keeps this edge from serving, in one line, or undefined. */
  trouble(): string | undefined;
  topicCount(): number;
  watchedPartitions(): number;
  pulseAgeMs(): number;
  /** Something may be delivered again: what was passed over meanwhile is read back. */
  reopened(this: void): void;
  /** A look at the partition before the next one is due; nobody is told whether it was answered. */
  lookNow(this: void, partition: number): void;
  /** What Redis' clock shows. */
  redisNowMs(this: void): number;
  close(): Promise<void>;
}

export interface RedisFeedParts extends Pick<
  Stores,
  "commands" | "reads" | "keys" | "partitions" | "floors" | "floorReader"
> {
  readonly context: Pick<Context, "log" | "node" | "fail"> & {
    readonly settings: Pick<Context["settings"], "redisUrl" | "redisCa" | "commandTimeoutMs">;
  };
  readonly fitness: Pick<FitRedis, "isFit">;
  readonly history: Pick<History, "head" | "heads" | "forward">;
  readonly persisted: Pick<PersistedNotices, "saved" | "waitsIn">;
  readonly rights: Pick<Rights, "doubt">;
  readonly metrics: Pick<EdgeMetrics, "relay" | "resubscribes" | "probeMisses">;
  readonly outlet: RelayOutlet;
  readonly signals: Pick<EdgeSignals, "fleeting" | "unheard" | "restored" | "isNeeded">;
  /** What somebody says to this edge alone. */
  order(this: void, text: string): void;
  /** Whether what is known of a partition's rights may be relied upon, so that something may be delivered. */
  readonly gate: Pick<Gate, "isAllOpen" | "isOpen">;
  /** In the order in which it was heard, each partition for itself. */
  control(this: void, heard: Control): void;
}

export function createRedisFeed(parts: RedisFeedParts): RedisFeed {
  const { context, commands, reads, keys, partitions, floors, history, persisted, rights, metrics } = parts;
  const { outlet, signals } = parts;
  const { settings, log, node } = context;
  const { redisUrl: url, redisCa: ca, commandTimeoutMs } = settings;
  const closing = new AbortController();
  let state: "attaching" | "attached" | "lost" = "attaching";
  /** Why Redis gives no subscriptions, as it was told last; undefined once it has given them. */
  let refusal: string | undefined;
  /** Who served each partition when it was last looked at. */
  const servedBy = new Map<number, string>();
  // Perhaps another Redis, or one that others moved on with. Not waited for, since every cold publication reads them anyway.
  const readFloors = (): void => {
    parts.floorReader.read().catch((err: unknown) => log.debug({ err }, "floors not read again yet"));
  };

  /** Channels of which something was passed over. */
  const skipped = new Set<string>();
  const isOpen = (partition: number): boolean => parts.gate.isAllOpen() || parts.gate.isOpen(partition);
  /** What may not be delivered is let go of: the log has it, and heads are compared once it may. */
  const mayDeliver = (channel: string): boolean => {
    if (parts.gate.isAllOpen() || parts.gate.isOpen(partitions.of(channel))) return true;
    skipped.add(channel);
    return false;
  };

  const topics: Topics = createTopics({
    connect: () => connectRedis({ url, ca, use: "subscriptions", commandTimeoutMs }),
    keys,
    partitions,
    node: node.current,
    listener: {
      envelope(channel, envelope) {
        if (mayDeliver(channel)) relays.feed(channel, envelope);
      },
      corrected(channel, correction) {
        if (mayDeliver(channel)) relays.corrected(channel, correction);
      },
      fleeting(channel, envelope) {
        if (mayDeliver(channel)) signals.fleeting(channel, envelope);
      },
      saved(partition, watermark) {
        floors.see(partition, watermark.upTo.epoch);
        // The next look tells it again.
        if (isOpen(partition)) persisted.saved(partition, watermark);
      },
      control: (partition, text) => parts.control({ kind: "announced", partition, text }),
      probe: (partition) => pulse.probe(partition),
      order: (_partition, text) => parts.order(text),
      refused(reason) {
        // Of every partition, and of each again and again.
        if (reason === refusal) return;
        refusal = reason;
        log.warn({ reason }, "Redis gives no subscriptions; they are asked for again");
      },
      lost(reason) {
        if (state === "attached") state = "lost";
        log.warn({ reason }, "subscriptions lost");
      },
      restored(channels) {
        if (state === "lost") state = "attached";
        refusal = undefined;
        metrics.resubscribes.n += 1;
        log.info({ channels: channels.length }, "subscriptions restored");
        for (let partition = 0; partition < partitions.count; partition += 1) rights.doubt(partition);
        relays.compare(channels);
        signals.restored(channels);
        readFloors();
      },
    },
  });
  const relays = createRelays({
    partitions,
    topics: {
      subscribe: (channel) => topics.subscribe(channel),
      unsubscribe(channel) {
        signals.unheard(channel);
        return topics.unsubscribe(channel);
      },
    },
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
    node: node.current,
    everyMs: PULSE_EVERY_MS,
    watched: () => watch.due(),
    channels: relays.channelsOf,
    on: {
      report({ partition, epoch, saved, owner, serving, control, askedAtMs, heads, corrected }) {
        const former = servedBy.get(partition);
        const isMoved = former !== undefined && former !== serving;
        servedBy.set(partition, serving);
        floors.see(partition, epoch);
        // One that nobody needs any more is followed no longer, though its last look may be answered still.
        if (watch.isWanted(partition))
          parts.control({ kind: "compared", partition, owner, serving, control, askedAtMs, isMoved });
        if (!isOpen(partition)) return;
        if (saved !== undefined) persisted.saved(partition, saved);
        for (const [channel, corrections] of corrected)
          for (const correction of corrections) relays.corrected(channel, correction);
        for (const [channel, head] of heads) relays.sawHead(channel, head);
      },
      missed(probes) {
        metrics.probeMisses.n += 1;
        topics.reconnect(`${probes} probes missed`);
      },
    },
  });

  const watch = createWatch({
    count: partitions.count,
    look: pulse.look,
    isNeeded: (partition) =>
      relays.channelsOf(partition).size > 0 || persisted.waitsIn(partition) || signals.isNeeded(partition),
    began: readFloors,
    ended(partition) {
      rights.doubt(partition);
      parts.control({ kind: "unwatched", partition });
    },
  });

  async function attach(): Promise<void> {
    if (!(await parts.fitness.isFit)) return;
    // A Redis that has answered takes another connection at once; one that is lost meanwhile comes back by itself.
    await whenReady(reads, commandTimeoutMs).catch((err: unknown) => log.warn({ err }, "no connection for reads yet"));
    if (closing.signal.aborted) return;
    await topics.start();
    if (closing.signal.aborted) return;
    pulse.start();
    state = "attached";
    refusal = undefined;
  }

  node.onRenew(() => {
    topics.followNode().catch((err: unknown) => log.debug({ err }, "the probes of the new id are not listened to yet"));
  });

  return {
    relays,
    watch,
    attach: () =>
      attach().catch((err: unknown) => {
        // Closed before Redis gave them.
        if (closing.signal.aborted) return;
        log.fatal({ err }, "this Redis cannot be listened to");
        context.fail("no topics");
      }),
    trouble() {
      if (!isReady(commands) || !isReady(reads)) return "Redis does not answer";
      if (state === "attached") return undefined;
      return `subscriptions are ${state}${refusal === undefined ? "" : `: ${refusal}`}`;
    },
    topicCount: () => topics.subscriptions(),
    watchedPartitions: watch.size,
    pulseAgeMs: () => pulse.ageMs(),
    reopened() {
      const channels = [...skipped].filter((channel) => isOpen(partitions.of(channel)));
      for (const channel of channels) skipped.delete(channel);
      if (channels.length === 0) return;
      relays.compare(channels);
      signals.restored(channels);
    },
    lookNow(partition) {
      for (const look of pulse.look([partition])) look.catch(() => undefined);
    },
    // Of one server as good as of another: their clocks differ by less than anybody would notice of the end of a ban.
    redisNowMs: () => pulse.serverNowMs(0) ?? Date.now(),
    async close() {
      closing.abort();
      pulse.stop();
      relays.close();
      await topics.close();
    },
  };
}
