// One relay per channel that somebody here listens to: subscribes the channel's topic, holds the channel's one position,
// hands envelopes to the local set in order and reads the holes back. What to do with an envelope is decided by the pure
// relay position; this file carries the decision out. It never looks at a socket and never delivers out of order.
// States of a relay: starting (topic not yet acknowledged or head not yet read: joins wait, envelopes are kept), live,
// healing (a read of the hole is under way or will be tried again), lingering (nobody left: gives the topic back soon).

import { createRelayPosition } from "@rookery/broker";
import type {
  Correction,
  FrameBytes,
  History,
  Partitions,
  RelayAction,
  RelayPosition,
  SequencedEnvelope,
  Topics,
} from "@rookery/broker";
import { ChatError, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { onceReported, pauseAfter } from "./asking-again.ts";
import { createComparison } from "./comparison.ts";
import { readHole } from "./hole-reader.ts";

const HELD = { heldEnvelopes: 1000, heldBytes: 1024 * 1024 };
const NO_CHANNELS: ReadonlySet<string> = new Set();
/** After this long without an answer of a store that has the hole, members are told a gap and life goes on. */
const GIVE_UP_MS = 10_000;

export interface RelayOutlet {
  /** Hands a finished frame to every local socket of the channel, in program order. A view of what is received: copy to keep. */
  publish(channel: string, frame: FrameBytes, position: Position): void;
  gap(channel: string, from: Position, to: Position, lost: boolean): void;
}

/** What became of envelopes and of holes. `told`: members were told a gap. */
export const RELAY_EVENTS = ["delivered", "unwanted", "hole_found", "hole_healed", "gap_told"] as const;
export type RelayCounts = Readonly<Record<(typeof RELAY_EVENTS)[number], { n: number }>>;

export interface Relays {
  /** Keeps the channel's relay for the caller; where it is not live yet, resolves when it is. Rejects with `unavailable`, keeping nothing. */
  hold(channel: string): Promise<void> | undefined;
  /** The same for several, each by itself, in order: their heads are read together. */
  holdAll(channels: readonly string[]): Promise<void>[];
  /** Gives one hold back; the topic is left some seconds after the last. */
  release(channel: string): void;
  /** Up to where the channel was followed; undefined where its relay is not live. */
  positionOf(channel: string): Position | undefined;
  feed(channel: string, envelope: SequencedEnvelope): void;
  /** Somebody saw the channel's head: a hole at the very end, which no later envelope would show, is found here. */
  sawHead(channel: string, head: Position): void;
  /** Postgres knew better what an epoch of the channel follows: from its topic, or from a head that tells of it. */
  corrected(channel: string, correction: Correction): void;
  /** After a lost subscription: compares every given channel with its head in Redis. */
  compare(channels: readonly string[]): void;
  /** The channels of one partition that have a relay, for the pulse. */
  channelsOf(this: void, partition: number): ReadonlySet<string>;
  close(): void;
}

interface Relay {
  readonly channel: string;
  holders: number;
  position: RelayPosition | undefined;
  early: SequencedEnvelope[];
  earlyCorrections: Correction[];
  started: Promise<void>;
  healing: boolean;
  lingerTimer: NodeJS.Timeout | undefined;
}

export interface RelayOptions {
  readonly partitions: Partitions;
  readonly topics: Pick<Topics, "subscribe" | "unsubscribe">;
  readonly history: Pick<History, "head" | "heads" | "forward">;
  readonly outlet: RelayOutlet;
  readonly startTimeoutMs: number;
  readonly lingerMs: number;
  readonly counts: RelayCounts;
  /** A store answered something that nobody expects: a fault of ours, told once a hole. The read is tried again all the same. */
  fault(this: void, error: unknown): void;
}

export function createRelays({
  partitions,
  topics,
  history,
  outlet,
  startTimeoutMs,
  lingerMs,
  counts,
  fault,
}: RelayOptions): Relays {
  const relays = new Map<string, Relay>();
  const byPartition = Array.from({ length: partitions.count }, () => new Set<string>());
  const isCurrent = (relay: Relay): boolean => relays.get(relay.channel) === relay;

  /** Heads are read once all topics are acknowledged or given up, so that together they are one question to each store. */
  function start(made: readonly Relay[]): Promise<void>[] {
    const acknowledged = made.map(({ channel }) => withinMs(topics.subscribe(channel), startTimeoutMs));
    const heads = Promise.allSettled(acknowledged).then((outcomes) => {
      const live = made.filter((_, n) => outcomes[n]?.status === "fulfilled");
      const asked = history.heads(live.map(({ channel }) => channel));
      return new Map(live.map((relay, n) => [relay, asked[n]]));
    });
    return made.map(async (relay, n) => {
      await acknowledged[n];
      const head = await (await heads).get(relay);
      // From here to the end nothing awaits: an envelope is either among the early ones or comes after.
      relay.position = createRelayPosition(head?.position ?? ORIGIN, HELD, head?.corrected);
      const { early, earlyCorrections } = relay;
      relay.early = [];
      for (const correction of earlyCorrections.splice(0)) act(relay, relay.position.corrected(correction));
      for (const envelope of early) act(relay, relay.position.feed(envelope));
    });
  }

  function drop(relay: Relay): void {
    if (!isCurrent(relay)) return;
    clearTimeout(relay.lingerTimer);
    relays.delete(relay.channel);
    byPartition[partitions.of(relay.channel)]?.delete(relay.channel);
    // A failure to unsubscribe costs envelopes that nobody wants; `feed` ignores them and the next reconnect ends them.
    topics.unsubscribe(relay.channel).catch(() => (counts.unwanted.n += 1));
  }

  function createAll(channels: readonly string[]): void {
    const made = channels.map((channel): Relay => {
      const started = Promise.resolve();
      const nothing = { position: undefined, early: [], earlyCorrections: [], lingerTimer: undefined };
      return { channel, holders: 0, ...nothing, started, healing: false };
    });
    for (const relay of made) {
      relays.set(relay.channel, relay);
      byPartition[partitions.of(relay.channel)]?.add(relay.channel);
    }
    for (const [n, starting] of start(made).entries()) {
      const relay = made[n];
      if (relay === undefined) continue;
      relay.started = starting.catch((error: unknown) => {
        drop(relay);
        throw error;
      });
    }
  }

  function act(relay: Relay, actions: readonly RelayAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case "deliver":
          counts.delivered.n += 1;
          outlet.publish(relay.channel, action.frame, action.position);
          break;
        case "gap":
          counts.gap_told.n += 1;
          outlet.gap(relay.channel, action.from, action.to, action.lost);
          break;
        case "heal":
          if (!relay.healing) heal(relay).catch(fault);
      }
    }
  }

  /** Reads the hole until the position is live again; retries what the stores refuse, and ends with its relay. */
  async function heal(relay: Relay): Promise<void> {
    relay.healing = true;
    counts.hole_found.n += 1;
    let since = performance.now();
    const report = onceReported(fault);
    const { position } = relay;
    for (let attempt = 0; position?.state === "healing"; attempt += 1) {
      const hole = { channel: relay.channel, after: position.position, isWanted: () => isCurrent(relay) };
      const page = await readHole(history, hole, performance.now() - since > GIVE_UP_MS, report);
      if (!isCurrent(relay)) return;
      if (page === undefined) {
        await pauseAfter(attempt);
        continue;
      }
      attempt = 0;
      since = performance.now();
      act(relay, position.healed(page));
    }
    relay.healing = false;
    counts.hole_healed.n += 1;
  }

  function sawHead(channel: string, head: Position): void {
    const relay = relays.get(channel);
    if (relay?.position !== undefined) act(relay, relay.position.head(head));
  }

  function corrected(channel: string, correction: Correction): void {
    const relay = relays.get(channel);
    if (relay?.position !== undefined) act(relay, relay.position.corrected(correction));
    else relay?.earlyCorrections.push(correction);
  }

  function holdAll(channels: readonly string[]): Promise<void>[] {
    const absent = [...new Set(channels)].filter((channel) => !relays.has(channel));
    if (absent.length > 0) createAll(absent);
    return channels.map(async (channel) => {
      const relay = relays.get(channel);
      clearTimeout(relay?.lingerTimer);
      if (relay !== undefined) relay.holders += 1;
      await relay?.started;
    });
  }

  const compare = createComparison({
    read: (channels) => history.heads(channels),
    isWanted: (channel) => relays.get(channel)?.position !== undefined,
    saw(channel, head) {
      for (const correction of head.corrected ?? []) corrected(channel, correction);
      sawHead(channel, head.position);
    },
    fault,
  });

  return {
    hold(channel) {
      const relay = relays.get(channel);
      if (relay?.position === undefined) return holdAll([channel])[0];
      clearTimeout(relay.lingerTimer);
      relay.holders += 1;
      return undefined;
    },
    holdAll,
    positionOf: (channel) => relays.get(channel)?.position?.position,
    release(channel) {
      const relay = relays.get(channel);
      if (relay === undefined) return;
      relay.holders -= 1;
      if (relay.holders > 0) return;
      relay.lingerTimer = setTimeout(() => drop(relay), lingerMs);
      relay.lingerTimer.unref();
    },
    feed(channel, envelope) {
      const relay = relays.get(channel);
      if (relay === undefined) counts.unwanted.n += 1;
      else if (relay.position !== undefined) act(relay, relay.position.feed(envelope));
      // An overfull start is no hole: the head is read after the acknowledgement and the next envelope shows what is missing.
      else if (relay.early.length < HELD.heldEnvelopes) relay.early.push(envelope);
    },
    sawHead,
    corrected,
    compare(channels) {
      compare(channels).catch(fault);
    },
    channelsOf: (partition) => byPartition[partition] ?? NO_CHANNELS,
    close() {
      for (const relay of relays.values()) clearTimeout(relay.lingerTimer);
      relays.clear();
    },
  };
}

async function withinMs(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const refuse = (): void =>
      reject(new ChatError("unavailable", "the channel's topic could not be subscribed in time"));
    timer = setTimeout(refuse, limitMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
