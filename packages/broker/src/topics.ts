// What one edge listens to: the topics of its channels, the control topic of every partition and its own probes, all on a
// connection of their own. Made by the edge's redis-feed, whose listener hears of everything; relays subscribe.
// States: starting, live, lost (told once), restoring (all is issued again and acknowledged), closed.
// Must never take a subscription for one before Redis has acknowledged it, and never swallow one that failed.
import type { RedisConnection } from "./connect.ts";
import type { Correction, SequencedEnvelope, FleetingEnvelope } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { clusterSlot } from "./partitions.ts";
import type { Partitions } from "./partitions.ts";
import { createSubscriptionLink } from "./subscription-link.ts";
import { createTopicWishes } from "./topic-wishes.ts";
import type { TopicWishes } from "./topic-wishes.ts";
import { unpackEnvelopes } from "./unpack-envelope.ts";
import { parseAnnouncement } from "./watermark.ts";
import type { Watermark } from "./watermark.ts";

/** Called synchronously, in the order in which Redis sent. */
export interface TopicListener {
  /** Of a kind that has a position. `frame` is a view of a receive buffer: copy what is kept. */
  envelope(channel: string, envelope: SequencedEnvelope): void;
  /** What an epoch of the channel follows was not what it said. */
  corrected(channel: string, correction: Correction): void;
  /** `frame` is a view of a receive buffer here too. */
  fleeting(channel: string, envelope: FleetingEnvelope): void;
  /** A partition's watermark. */
  saved(partition: number, watermark: Watermark): void;
  /** What a partition's control topic says beside watermarks, as it came: it may be a newer node's. */
  control(partition: number, text: string): void;
  /** This edge's own probe came back. */
  probe(partition: number): void;
  /** What somebody says to this edge alone, as it came, see replaced-session.ts. */
  order?(partition: number, text: string): void;
  /** Redis does not give a subscription, which is asked for again: told at each try, in its words. */
  refused?(reason: string): void;
  /** From now on messages are missed. Told once until the next `restored`. */
  lost(reason: string): void;
  /**
   * These are acknowledged again on a new connection: compare their heads. Names every channel; only where a part of a
   * Cluster stays out of reach does it come in parts, each channel once.
   */
  restored(channels: readonly string[]): void;
}

export interface Topics {
  /** Resolves when the control topics and the probes are acknowledged, however long Redis is away. */
  start(): Promise<void>;
  /** Resolves when acknowledged, also across lost connections; rejects when unsubscribe or close overtakes it. */
  subscribe(channel: string): Promise<void>;
  /** Nothing of the channel is told after the call; resolves when Redis has given it back. */
  unsubscribe(channel: string): Promise<void>;
  /** Drops the connection and makes another, as after a loss. Does nothing while one is being made. */
  reconnect(reason: string): void;
  /** The node speaks under another id from here on. Resolves when the probes sent under it are listened to. */
  followNode(): Promise<void>;
  /** Channels wanted now. */
  subscriptions(): number;
  close(): Promise<void>;
}

export interface TopicsOptions {
  /** A new connection for subscriptions at each call. */
  connect(): RedisConnection;
  readonly keys: Keys;
  readonly partitions: Partitions;
  /** Whose probes are listened to; asked at the start and whenever it has changed. */
  node(this: void): string;
  readonly listener: TopicListener;
  log?(line: string): void;
}

/** Partitions that need longer than this to be restored are told by themselves. */
const RESTORED_TOGETHER_MS = 1_000;

export function createTopics(options: TopicsOptions): Topics {
  const { keys, partitions, listener } = options;
  const numbers = Array.from({ length: partitions.count }, (_, partition) => partition);
  const channelOf = new Map<string, string>();
  const channelsOf = numbers.map(() => new Set<string>());
  const wishes = numbers.map(() => createTopicWishes((error) => listener.refused?.(textOf(error))));
  const standing = controlTopics(options, numbers);
  let probes = probeTopics();
  const started = createSignal();
  let state: "starting" | "live" | "lost" | "restoring" | "closed" = "starting";

  const link = createSubscriptionLink(
    () => options.connect(),
    numbers.map((partition) => clusterSlot(partitions.tag(partition))),
    {
      ready: (connection) => {
        renew(connection).catch((error: unknown) => lost(textOf(error)));
      },
      lost,
      message,
    },
  );

  /** Of every partition, in order; told to the listener from here on. */
  function probeTopics(): string[] {
    const node = options.node();
    return numbers.map((partition) => {
      const topic = keys.partition(partition).probe(node);
      standing.set(topic, (bytes) => {
        if (bytes.length === 0) listener.probe(partition);
        else listener.order?.(partition, bytes.toString());
      });
      return topic;
    });
  }

  function message(topicBytes: Buffer, bytes: Buffer): void {
    const topic = topicBytes.toString("latin1");
    const channel = channelOf.get(topic);
    if (channel === undefined) {
      standing.get(topic)?.(bytes);
      return;
    }
    const isRead = unpackEnvelopes(bytes, (envelope) => {
      if (envelope.kind === "sequenced") listener.envelope(channel, envelope);
      else if (envelope.kind === "correction") listener.corrected(channel, envelope);
      else listener.fleeting(channel, envelope);
    });
    if (!isRead) options.log?.(`${channel}: a message that is no envelope was dropped`);
  }

  function lost(reason: string): void {
    for (const wish of wishes) wish.lost();
    options.log?.(`subscriptions lost: ${reason}`);
    if (state === "live") listener.lost(reason);
    if (state !== "starting") state = "lost";
  }

  async function renew(connection: RedisConnection): Promise<void> {
    const renewals = wishes.map((wish) => wish.renew(connection));
    if (state === "starting") {
      const complete = await Promise.all(renewals);
      if (!complete.every(Boolean) || isClosed()) return;
      state = "live";
      started.tell();
    } else {
      state = "restoring";
      await tellRestored(renewals);
    }
  }

  async function tellRestored(renewals: readonly Promise<boolean>[]): Promise<void> {
    const together: string[] = [];
    let isTold = false;
    let done = 0;
    const parts = renewals.map(async (renewal, partition) => {
      if (!(await renewal)) return;
      done += 1;
      const channels = [...(channelsOf[partition] ?? [])];
      if (isTold) listener.restored(channels);
      else together.push(...channels);
    });
    await within(RESTORED_TOGETHER_MS, Promise.all(parts));
    if (done === 0) await Promise.race(parts);
    isTold = true;
    // Lost again meanwhile: whoever comes next tells them all.
    if (state !== "restoring") return;
    state = "live";
    listener.restored(together);
  }

  function isClosed(): boolean {
    return state === "closed";
  }

  function wishesOf(channel: string): { topic: string; wish: TopicWishes; channels: Set<string> } {
    const { topic, partition } = keys.channel(channel);
    const wish = wishes[partition];
    const channels = channelsOf[partition];
    if (wish === undefined || channels === undefined) throw new RangeError(`there is no partition ${partition}`);
    return { topic, wish, channels };
  }

  return {
    start() {
      link.open();
      for (const [partition, wish] of wishes.entries()) {
        for (const topic of [keys.partition(partition).control, probes[partition] ?? ""])
          wish.subscribe(topic).catch(() => undefined);
      }
      return started.told;
    },
    async subscribe(channel) {
      if (isClosed()) throw new Error("the topics are closed");
      const { topic, wish, channels } = wishesOf(channel);
      channelOf.set(topic, channel);
      channels.add(channel);
      await wish.subscribe(topic);
    },
    async unsubscribe(channel) {
      const { topic, wish, channels } = wishesOf(channel);
      channelOf.delete(topic);
      channels.delete(channel);
      await wish.unsubscribe(topic);
    },
    reconnect: (reason) => link.drop(reason),
    async followNode() {
      const former = probes;
      probes = probeTopics();
      for (const topic of former) standing.delete(topic);
      const changes = wishes.map((wish, partition) => [
        wish.subscribe(probes[partition] ?? ""),
        wish.unsubscribe(former[partition] ?? ""),
      ]);
      await Promise.all(changes.flat());
    },
    subscriptions: () => channelOf.size,
    close() {
      state = "closed";
      link.close();
      started.fail(new Error("the topics were closed before they had started"));
      for (const wish of wishes) wish.close();
      channelOf.clear();
      for (const channels of channelsOf) channels.clear();
      return Promise.resolve();
    },
  };
}

/** What every edge listens to for as long as it lives. */
function controlTopics(options: TopicsOptions, numbers: readonly number[]): Map<string, (bytes: Buffer) => void> {
  const topics = new Map<string, (bytes: Buffer) => void>();
  for (const partition of numbers) {
    topics.set(options.keys.partition(partition).control, (bytes) => {
      const text = bytes.toString();
      const watermark = parseAnnouncement(text);
      if (watermark === undefined) options.listener.control(partition, text);
      else options.listener.saved(partition, watermark);
    });
  }
  return topics;
}

/** Resolves with the work or after so long, whichever is first. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const late = createSignal();
  const timer = setTimeout(late.tell, ms);
  await Promise.race([work, late.told]);
  clearTimeout(timer);
}

interface Signal {
  readonly told: Promise<void>;
  readonly tell: () => void;
  readonly fail: (error: Error) => void;
}

function createSignal(): Signal {
  let tell = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const told = new Promise<void>((resolve, reject) => {
    tell = resolve;
    fail = reject;
  });
  // Nobody may be waiting for it when it fails.
  told.catch(() => undefined);
  return { told, tell: () => tell(), fail: (error) => fail(error) };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
