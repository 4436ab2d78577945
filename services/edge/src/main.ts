// The edge process: builds every part once, in the order in which they need each other, and gives them back in reverse.
// Reading it tells what an edge is made of; the hops of a message are in listener, intake, dispatch, commands/send, relay and fan-out.

import { createAccessStore, createNewest, createPresenceReader, createReads, createTickets } from "@rookery/broker";
import {
  connectStores,
  createNodeAuditTrail,
  createNodeChanges,
  createNodePublisher,
  createPast,
  createTokenVerifier,
  hashAddress,
  joinCluster,
  openInternalPort,
  runNode,
  watchFitness,
  watchOwnStores,
} from "@rookery/node";
import type { ClusterLife, ClusterLoad, NodeContext } from "@rookery/node";
import { ChatError, createDecoder } from "@rookery/protocol";
import { createRights } from "@rookery/rights";
import { createClientAddress, createOriginAllowed, pause } from "@rookery/runtime";
import {
  createChannelMembers,
  createChannels,
  createGlobalRights,
  createMessages,
  createReadPositions,
  createStandings,
} from "@rookery/store";
import { createAddresses } from "./addresses.ts";
import { createConnectionNotes } from "./audit/connection-notes.ts";
import { buildAdmission, createTriedAddress } from "./build-admission.ts";
import type { EdgeContext } from "./context.ts";
import { createEdgeControl } from "./control/edge-control.ts";
import { dispatch } from "./dispatch.ts";
import { createDoor } from "./door.ts";
import { createDrain } from "./drain.ts";
import { createFanOut } from "./fan-out.ts";
import { frameLimits } from "./frame-limits.ts";
import { createFramesOut } from "./frames-out.ts";
import { registerEdgeGauges } from "./gauges.ts";
import { createHub } from "./hub.ts";
import { createIntake } from "./intake.ts";
import { createSlowReaders } from "./lanes/slow-readers.ts";
import { listen } from "./listener.ts";
import type { Listener } from "./listener.ts";
import { createMembership } from "./membership.ts";
import type { Leaver } from "./membership.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { channelOfTopic } from "./native-topics.ts";
import { createProcessOverload } from "./overload/process-overload.ts";
import { socketsByFiles } from "./overload/process-room.ts";
import { createPace } from "./pace.ts";
import { createPersistedNotices } from "./persisted.ts";
import { bucketRules } from "./rates.ts";
import { createRedisFeed } from "./redis-feed.ts";
import type { Control } from "./redis-feed.ts";
import { replaceAsTold } from "./replace-session.ts";
import type { Session } from "./session.ts";
import { createEdgeSignals } from "./signals.ts";
import { createSharedRates } from "./shared-rates.ts";
import { startSweep } from "./sweep.ts";
import { startTables } from "./tables.ts";
import { createUnread } from "./unread/unread.ts";

type Context = NodeContext<"edge">;

const SWEEP_EVERY_MS = 1000;
/** Healthy stores are attached and read well within this; without one the edge listens all the same and says what is amiss. */
const ATTACH_BEFORE_LISTENING_MS = 3000;
/** A slow client that reads on at 100 kB/s has emptied the largest buffer by then. */
const LAST_WORDS_MS = 10_000;

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
  let life: ClusterLife | undefined;

  const hub = createHub<Session>();
  const metrics = createEdgeMetrics(context.metrics);
  const messages = createMessages(store);
  const history = createPast(stores);
  const persisted = createPersistedNotices({
    partitions,
    holds: (some) => messages.holds(some),
    fault: (err) => log.error({ err }, "Postgres cannot say what is saved; it is asked again"),
  });
  const slow = createSlowReaders({ settings, metrics, sessions: hub.sessions, signals: () => signals });
  const { lanes, missed } = slow;
  const fanOut = createFanOut({
    ...{ hub, missed, shed: slow.shed },
    publish: (...given) => listener?.publish(...given),
    deliveries: metrics.deliveries,
  });
  const framesOut = createFramesOut({
    ...{ counts: metrics.framesOut, sockets: metrics.fanOutSockets, ageSeconds: metrics.publishToFanOutSeconds },
    deliveries: metrics.deliveries,
    membersIn: (channel) => hub.membersOf(channel).size,
    redisNowMs: () => feed.redisNowMs(),
  });
  const heard = (said: Control): void => {
    if (said.kind === "announced") control.announced(said.partition, said.text);
    else if (said.kind === "unwatched") control.unwatched(said.partition);
    else {
      signals.served(said.partition, said.serving);
      if (said.isMoved) life?.ownerChanged();
      control.looked(said);
    }
  };
  const overload = createProcessOverload(context, metrics.shed);
  onStop("overload", overload.close);
  const rights = createRights({
    channels: createChannels(store),
    access: createAccessStore({ connection: commands, keys }),
    standings: createStandings(store),
    partitionOf: partitions.of,
    isPinned: (channel) => hub.membersOf(channel).size > 0,
    autoCreate: settings.channelsAutoCreate === "public",
    defaultRules: settings,
    lookedUp: (isKnown) => (metrics.rightsLookups[isKnown ? "known" : "read"].n += 1),
    redisNowMs: () => feed.redisNowMs(),
  });
  const people = createPresenceReader({ connection: stores.reads, keys });
  const signals = createEdgeSignals({
    fanOut: { ...fanOut, signal: framesOut.signal(fanOut.signal) },
    ...{ connection: commands, keys, node, hub, metrics, overload, people, isFit: fitness.isFit },
    ...{ commandTimeoutMs: settings.commandTimeoutMs, graceMs: settings.presenceGraceMs, crowdRules: rights.rules },
    sessionsPerUser: settings.connectionsPerUser,
    channelsOf: (partition) => relays.channelsOf(partition),
    cluster: () => belonging.cluster(),
    fault: (err, what) => log[err instanceof ChatError ? "debug" : "error"]({ err }, what),
  });
  const unread = createUnread({
    reads: createReads({ connection: commands, lookups: stores.reads, keys }),
    newest: createNewest({ connection: stores.reads, keys }),
    positions: createReadPositions(stores.past),
    hub,
    followed: (channel) => relays.positionOf(channel),
    fault: (err) => log.error({ err }, "what was read cannot be counted or noted in Redis"),
  });
  onStop("unread", unread.close);
  const outlet = framesOut.around(unread.beside(fanOut));
  const feed = createRedisFeed({
    ...{ ...stores, context, fitness, history, persisted, rights, metrics, outlet, signals, control: heard },
    order: (text) => replaceAsTold(hub, text, performance.now()),
    gate: { isAllOpen: () => control.gate.isAllOpen(), isOpen: (partition) => control.gate.isOpen(partition) },
  });
  const { relays } = feed;
  const membership = createMembership({
    ...{ hub, relays, entered: signals.attendance.entered },
    leavers: [...LEAVERS, lanes.left, ...signals.leavers],
  });
  const globalRights = createGlobalRights(store);
  const control = createEdgeControl({
    ...{ connection: commands, keys, hub, rights, membership, attendance: signals.attendance, node: node.current },
    ...{ channelsOf: relays.channelsOf, redisNowMs: feed.redisNowMs, lookNow: feed.lookNow },
    since: (version) => globalRights.since(version),
    isPostgresAway: () => store.state() === "lost",
    patienceMs: settings.commandTimeoutMs,
    opened() {
      listener?.resume();
      feed.reopened();
    },
    fault: (err, what) => log[err instanceof ChatError ? "debug" : "error"]({ err }, what),
  });
  onStop("control", control.close);
  const attached = feed.attach();
  // Nothing is numbered in a Redis that may be another cluster's.
  const belonging = watchOwnStores({ context, commands, keys, store, after: attached, drains: false });
  belonging.settled.then(signals.clusterKnown, () => undefined);
  const notes = createConnectionNotes({
    ...{ trail: createNodeAuditTrail(context, stores, belonging.trouble), node: node.current },
    hashAddress: (address) => hashAddress(belonging.cluster(), address),
  });
  onStop("notes", notes.close);
  const rightsUntilMs = (partition: number): number => performance.timeOrigin + control.gate.closesAtMs(partition);
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
    membership: notes.around(membership),
    history,
    sharedRates: createSharedRates({
      perSec: {
        user: settings.userSendsPerSec,
        address: settings.addressSendsPerSec,
        channel: settings.channelSendsPerSec,
      },
      loopbackExempt: settings.loopbackExempt,
    }),
    publisher: createNodePublisher(context, stores, belonging.trouble, { rightsUntilMs }),
    changes: createNodeChanges(context, stores, belonging.trouble, { rightsUntilMs }),
    rights,
    admission: buildAdmission({ stores, rights, trouble: belonging.trouble, log }),
    addressOf: createTriedAddress(settings.loopbackExempt, () => belonging.cluster()),
    verifier: createTokenVerifier(context),
    persisted,
    notes,
    people,
    roles: createChannelMembers(stores.past).roles,
    signals: { ...signals, attendance: notes.opening(signals.attendance) },
    unread,
    control,
    overload,
  };
  const drain = createDrain({ edge, balancerWaitMs: settings.balancerWaitMs, windowMs: settings.drainMs });
  const pace = createPace(settings.paceMaxMs, {
    nowMs: () => performance.now(),
    frames: () => metrics.relay.delivered.n,
    deliveries: () => metrics.deliveries.n,
    busyMs: () => performance.eventLoopUtilization().active,
  });
  registerEdgeGauges(context.metrics, { edge, feed, pace, store, signals, unread, overload, drain, slow });

  const tables = startTables(
    () => Promise.all([stores.floorReader.read(), control.read()]),
    // That Postgres is away is told by the store itself.
    (err) => log[err instanceof ChatError ? "debug" : "error"]({ err }, "Postgres cannot be read; it is tried again"),
  );
  onStop("tables", tables.close);
  const internalPort = await openInternalPort(context, "edge", {
    redis: () => feed.trouble() ?? belonging.trouble(),
    tables: tables.trouble,
    postgres: () => store.trouble(),
    "token keys": () => edge.verifier.trouble(),
    memory: overload.memoryTrouble,
    draining: () => (drain.stage() === "serving" ? undefined : "this node drains"),
  });
  await Promise.race([Promise.all([attached, tables.read]), pause(ATTACH_BEFORE_LISTENING_MS, { ref: false })]);
  const load = (): ClusterLoad => ({ connections: hub.counts().sessions, draining: drain.stage() !== "serving" });
  const drainAsTold = (): void => context.stop("told to drain");
  const belonged = joinCluster({
    ...{ context, commands, keys, self: { kind: "edge" }, load },
    ...{ drain: drainAsTold, ending: notes.died, hasServed: () => metrics.connects.n > 0 },
  });
  life = belonged;
  onStop("relays", () => feed.close());
  onStop("signals", signals.close);

  const door = notes.beside(
    createDoor({
      edge,
      rules: {
        buckets: bucketRules(edge.limits, settings.commandBurst),
        refused: (error) => (metrics.refusals[error.code].n += 1),
        told: framesOut.told,
      },
      originAllowed: createOriginAllowed(settings.allowedOrigins),
      maxConnections: Math.min(settings.maxConnections, socketsByFiles()),
      overload,
      connectsPerSec: settings.connectsPerSec,
      tickets: createTickets({ connection: commands, keys }),
      addresses: createAddresses({ atMost: settings.connectionsPerAddress, loopbackExempt: settings.loopbackExempt }),
      clientAddress: createClientAddress(settings.trustedProxies),
    }),
  );
  const intake = createIntake({
    limits: edge.limits,
    authFrameBytes: settings.authFrameBytes,
    decode: createDecoder(edge.limits),
    dispatch: (session, frame, nowMs) => dispatch(edge, session, frame, nowMs),
  });
  const { host, port, hardBufferBytes, idleMs, commandsPerSec, commandBurst } = settings;
  const wire = { controlPerSec: commandsPerSec, controlBurst: commandBurst, lastWordsMs: LAST_WORDS_MS };
  const everybody = (): Iterable<Session> => hub.sessions.values();
  const mayGo = (topic: string): boolean =>
    control.gate.isAllOpen() || control.gate.isOpen(partitions.of(channelOfTopic(topic)));
  const opened = await listen({
    ...{ host, port, door, intake, pace, everybody, mayGo, lanes, missed, hardBufferBytes, idleMs, wire },
  });
  listener = opened;
  onStop("listener", () => opened.close());
  const unanswered = (session: Session): void => lanes.heard(session, "silent");
  const sweep = startSweep(edge, { ...settings, everyMs: SWEEP_EVERY_MS }, unanswered);
  onStop("sweep", () => sweep.stop());
  const looks = slow.start();
  onStop("slow readers", () => looks.stop());
  const leave = (): Promise<void> => drain.run({ door, listener: opened, turn: belonged.turnToDrain });
  onStop("drain", leave, drain.withinMs);
  context.announceReady({ port: opened.port, internalPort });
}
