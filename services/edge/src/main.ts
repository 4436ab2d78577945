// The edge process: builds every part once, in the order in which they need each other, and gives them back in reverse.
// Reading it tells what an edge is made of; the hops of a message are in listener, intake, dispatch, commands/send, relay and fan-out.

import { rightsVersion } from "@rookery/broker";
import {
  connectStores,
  createNodePublisher,
  createPast,
  createTokenVerifier,
  joinCluster,
  openInternalPort,
  runNode,
  watchFitness,
  watchOwnStores,
} from "@rookery/node";
import type { ClusterLoad, NodeContext } from "@rookery/node";
import { ChatError, createDecoder } from "@rookery/protocol";
import type { FrameLimits } from "@rookery/protocol";
import { createRights } from "@rookery/rights";
import { createClientAddress, createOriginAllowed, pause } from "@rookery/runtime";
import { createChannels, createMessages } from "@rookery/store";
import { createAddresses } from "./addresses.ts";
import type { EdgeContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { createDoor } from "./door.ts";
import { drain } from "./drain.ts";
import { createFanOut } from "./fan-out.ts";
import { registerEdgeGauges } from "./gauges.ts";
import { createHub } from "./hub.ts";
import { createIntake } from "./intake.ts";
import { listen } from "./listener.ts";
import type { Listener } from "./listener.ts";
import { createMembership } from "./membership.ts";
import type { Leaver } from "./membership.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { createPace } from "./pace.ts";
import { createPersistedNotices } from "./persisted.ts";
import { bucketRules } from "./rates.ts";
import { createRedisFeed } from "./redis-feed.ts";
import type { Session } from "./session.ts";
import { startSweep } from "./sweep.ts";
import { startTables } from "./tables.ts";

type Context = NodeContext<"edge">;

const SWEEP_EVERY_MS = 1000;
/** A healthy Redis is attached well within this; without one the edge listens all the same and says `unavailable`. */
const ATTACH_BEFORE_LISTENING_MS = 3000;
/** A slow client that reads on at 100 kB/s has emptied the largest buffer by then. */
const LAST_WORDS_MS = 10_000;
/** Beyond the drain window: the last commands in flight and the last close. */
const DRAIN_SLACK_MS = 5000;

/** What each part of an edge keeps for a membership, undone with it. */
const LEAVERS: readonly Leaver[] = [(session, channel) => session.unwantPersisted(channel)];

await runNode("edge", main);

async function main(context: Context): Promise<void> {
  const { settings, log, node, onStop } = context;
  const stores = connectStores(context);
  const { keys, partitions, store, commands } = stores;
  const waitingLine = "this edge says unavailable until Redis answers";
  const fitness = watchFitness({ context, connection: commands, keys, waitingLine });
  let listener: Listener | undefined;
  let draining = false;

  const hub = createHub<Session>();
  const metrics = createEdgeMetrics(context.metrics);
  const messages = createMessages(store);
  const history = createPast(stores);
  const persisted = createPersistedNotices({
    partitions,
    holds: (some) => messages.holds(some),
    fault: (err) => log.error({ err }, "Postgres cannot say what is saved; it is asked again"),
  });
  const fanOut = createFanOut({
    hub,
    publish: (topic, frame, except) => listener?.publish(topic, frame, except),
    deliveries: metrics.deliveries,
  });
  // Rights that change while somebody sits in a channel are what will act on it.
  const control = (): void => undefined;
  const rights = createRights({
    channels: createChannels(store),
    version: (channel) => rightsVersion(commands, keys, channel),
    partitionOf: partitions.of,
    autoCreate: settings.channelsAutoCreate === "public",
  });
  const feed = createRedisFeed({ ...stores, context, fitness, history, persisted, rights, metrics, fanOut, control });
  const { relays } = feed;
  const attached = feed.attach();
  // Nothing is numbered in a Redis that may be another cluster's.
  const belonging = watchOwnStores({ context, commands, keys, store, after: attached, drains: false });
  const edge: EdgeContext = {
    node: node.current,
    limits: frameLimits(settings),
    heartbeatMs: settings.heartbeatMs,
    connectionsPerUser: settings.connectionsPerUser,
    log,
    metrics,
    hub,
    unidentified: new Set(),
    relays,
    partitions,
    watch: feed.watch,
    membership: createMembership({ hub, relays, leavers: LEAVERS }),
    history,
    publisher: createNodePublisher(context, stores, belonging.trouble),
    rights,
    verifier: createTokenVerifier(context),
    persisted,
  };
  const pace = createPace(settings.paceMaxMs, {
    nowMs: () => performance.now(),
    frames: () => metrics.relay.delivered.n,
    deliveries: () => metrics.deliveries.n,
    busyMs: () => performance.eventLoopUtilization().active,
  });
  registerEdgeGauges(context.metrics, { edge, feed, pace, store });

  const tables = startTables(
    () => stores.floorReader.read(),
    // That Postgres is away is told by the store itself.
    (err) => log[err instanceof ChatError ? "debug" : "error"]({ err }, "Postgres cannot be read; it is tried again"),
  );
  onStop("tables", tables.close);
  const internalPort = await openInternalPort(context, "edge", {
    redis: () => feed.trouble() ?? belonging.trouble(),
    tables: tables.trouble,
    postgres: () => store.trouble(),
    "token keys": () => edge.verifier.trouble(),
    draining: () => (draining ? "this node drains" : undefined),
  });
  await Promise.race([attached, pause(ATTACH_BEFORE_LISTENING_MS, { ref: false })]);
  const load = (): ClusterLoad => ({ connections: hub.counts().sessions, draining });
  joinCluster({ context, commands, keys, self: { kind: "edge" }, load });
  onStop("relays", () => feed.close());

  const door = createDoor({
    edge,
    rules: {
      buckets: bucketRules(edge.limits, settings.commandBurst),
      refused: (error) => (metrics.refusals[error.code].n += 1),
    },
    originAllowed: createOriginAllowed(settings.allowedOrigins),
    maxConnections: settings.maxConnections,
    connectsPerSec: settings.connectsPerSec,
    addresses: createAddresses({ atMost: settings.connectionsPerAddress, loopbackExempt: settings.loopbackExempt }),
    clientAddress: createClientAddress(settings.trustedProxies),
  });
  const intake = createIntake({
    limits: edge.limits,
    authFrameBytes: settings.authFrameBytes,
    decode: createDecoder(edge.limits),
    dispatch: (session, frame, nowMs) => dispatch(edge, session, frame, nowMs),
  });
  const { host, port, hardBufferBytes, idleMs, commandsPerSec, commandBurst } = settings;
  const wire = { controlPerSec: commandsPerSec, controlBurst: commandBurst, lastWordsMs: LAST_WORDS_MS };
  const everybody = (): Iterable<Session> => hub.sessions.values();
  const opened = await listen({ host, port, door, intake, pace, everybody, hardBufferBytes, idleMs, wire });
  listener = opened;
  onStop("listener", () => opened.close());
  const sweep = startSweep(edge, { ...settings, everyMs: SWEEP_EVERY_MS });
  onStop("sweep", () => sweep.stop());
  const drainAll = async (): Promise<void> => {
    draining = true;
    await pause(settings.balancerWaitMs);
    opened.stopListening();
    opened.hurry();
    await drain(edge, door, settings.drainMs);
  };
  onStop("drain", drainAll, settings.balancerWaitMs + settings.drainMs + DRAIN_SLACK_MS);
  context.announceReady({ port: opened.port, internalPort });
}

function frameLimits(settings: Context["settings"]): FrameLimits {
  return {
    frameBytes: settings.frameBytes,
    bodyBytes: settings.bodyBytes,
    metaBytes: settings.metaBytes,
    channels: settings.channelsPerSession,
    pageMessages: settings.pageMessages,
    pageBytes: settings.pageBytes,
    sendsPerSec: settings.sendsPerSec,
    sendBurst: settings.sendBurst,
    commandsPerSec: settings.commandsPerSec,
    typingPerSec: settings.typingPerSec,
    idleMs: settings.idleMs,
  };
}
