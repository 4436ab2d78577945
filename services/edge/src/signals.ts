// What is fleeting on an edge, made and bound together: who is present, how a crowd is told, who types. Made by main; membership
// and door tell it of sessions, the feed of what it hears, commands of what clients say. It keeps no message and orders nothing.
// States: before Redis is checked (nobody can join yet, and nothing is told), telling, held (the node drains).

import { createPresence, createSignals } from "@rookery/broker";
import type { Crowd, CrowdRules, FleetingEnvelope, Presence, PresenceOptions, PresenceReader } from "@rookery/broker";
import { hashAddress } from "@rookery/node";
import { ChatError } from "@rookery/protocol";
import type { FanOut } from "./fan-out.ts";
import type { Hub } from "./hub.ts";
import type { Leaver } from "./membership.ts";
import type { EdgeMetrics } from "./metrics.ts";
import type { Overload } from "./overload/overload.ts";
import { createAttendance, tellGone } from "./presence/attendance.ts";
import type { Attendance } from "./presence/attendance.ts";
import { createCrowdComparison } from "./presence/crowd-comparison.ts";
import { createCrowds } from "./presence/crowds.ts";
import type { Crowds } from "./presence/crowds.ts";
import { createGatheredSessions } from "./presence/gathered-sessions.ts";
import { createGraces } from "./presence/graces.ts";
import { createLocalTruth } from "./presence/local-truth.ts";
import type { Session } from "./session.ts";
import { createOwnTypists } from "./typing/own-typists.ts";
import type { OwnTypists } from "./typing/own-typists.ts";
import { createTypists } from "./typing/typists.ts";
import type { Typists } from "./typing/typists.ts";

/** How many of each there are. */
export interface SignalSizes {
  readonly graces: number;
  /** Changes that Redis has not been told of. */
  readonly untold: number;
  /** Channels whose members are told something within a second. */
  readonly crowds: number;
  readonly typists: number;
}

export interface EdgeSignals {
  readonly attendance: Attendance;
  readonly typing: OwnTypists;
  readonly typists: Pick<Typists, "framesFor" | "shownTo">;
  readonly crowds: Pick<Crowds, "welcomed" | "frameFor">;
  /** What a membership holds here. */
  readonly leavers: readonly Leaver[];
  /** What the topics of joined channels say beside messages. */
  fleeting(this: void, channel: string, envelope: FleetingEnvelope): void;
  /** The channel's topic has been given back. */
  unheard(this: void, channel: string): void;
  /** These are heard again; what was announced meanwhile is lost. */
  restored(this: void, channels: readonly string[]): void;
  served(this: void, partition: number, replicationId: string): void;
  /** Whether somebody in the partition is present without being here. */
  isNeeded(this: void, partition: number): boolean;
  /** The cluster's id is known by now, and what is told of a connection is another thing. */
  clusterKnown(this: void): void;
  sizes(this: void): SignalSizes;
  close(this: void): void;
}

export interface SignalsOptions extends Pick<
  PresenceOptions,
  "connection" | "keys" | "node" | "commandTimeoutMs" | "sessionsPerUser"
> {
  readonly hub: Hub<Session>;
  readonly fanOut: Pick<FanOut, "signal" | "personal">;
  readonly metrics: Pick<EdgeMetrics, "signals">;
  readonly overload: Pick<Overload, "shedMs">;
  readonly people: Pick<PresenceReader, "crowd">;
  readonly graceMs: number;
  /** Resolves once Redis is known to be fit to be written to: true; never, or with false, when it is not. */
  readonly isFit: Promise<boolean>;
  crowdRules(this: void, channel: string): CrowdRules;
  /** Channels that may have members here, of one partition. */
  channelsOf(this: void, partition: number): Iterable<string>;
  /** The cluster's id, as far as it is known. */
  cluster(this: void): string | undefined;
  fault(this: void, error: unknown, what: string): void;
}

/**
 * A frame of `typing` that names nobody: a question, by the node that its envelope excludes. Builds that do not know it find
 * nothing in it.
 */
const WHO_TYPES = "{}";

export function createEdgeSignals(options: SignalsOptions): EdgeSignals {
  const { hub, fanOut, metrics, overload, people, graceMs, keys, connection, fault } = options;
  const { partitions } = keys;
  const hasMembers = (channel: string): boolean => hub.membersOf(channel).size > 0;

  const crowds = createCrowds({
    hasMembers,
    signal: fanOut.signal,
    ownSession: (channel, user, preferred) => ownSessionIn(hub, channel, user, preferred),
    isShed: () => overload.shedMs("presence") > 0,
    counts: metrics.signals,
  });
  const comparison = createCrowdComparison({
    readCrowd: people.crowd,
    hasMembers,
    saw: crowds.compared,
    fault: (error) => fault(error, "crowds cannot be compared after a loss; it is tried again"),
  });
  const graces = createGraces({
    graceMs,
    partitionOf: partitions.of,
    over: (channel, user) => tellGone(presence, channel, user),
  });
  const truth = createLocalTruth({
    hub,
    graces,
    *channels() {
      for (let partition = 0; partition < partitions.count; partition += 1) yield* options.channelsOf(partition);
    },
    crowdRules: options.crowdRules,
    hashAddress: (address) => hashAddress(options.cluster(), address),
  });
  // Others have taken this node for dead and told who left with it: whoever is not here any more does not come back.
  options.node.onRenew(() => graces.forget());
  const presence = createFitPresence(options.isFit, () =>
    createPresence({
      ...{ connection, keys, truth, node: options.node, commandTimeoutMs: options.commandTimeoutMs },
      sessionsPerUser: options.sessionsPerUser,
      failed: (reason) => fault(new Error(reason), "presence cannot be told as it is; it is tried again"),
    }),
  );
  const sessions = createGatheredSessions((user, session) => presence.sessionChanged(user, session));
  const attendance = createAttendance({
    presence: { ...presence, sessionChanged: sessions.changed },
    ...{ truth, graces, graceMs, heard: crowds.answered },
  });
  const tellEverybody = (): void => {
    for (const session of hub.sessions.values()) attendance.opened(session);
  };
  presence.began.then(tellEverybody).catch((error: unknown) => fault(error, "presence has not begun"));

  const typists = createTypists({
    ...{ modeOf: crowds.modeOf, signal: fanOut.signal, told: metrics.signals.typing },
    isShed: () => overload.shedMs("typing") > 0,
  });
  const signals = createSignals({ connection, keys });
  const typing = createOwnTypists({
    modeOf: crowds.modeOf,
    isFull: typists.isFull,
    announce: (channel, exclude, frame) => signals.send(channel, "typing", exclude, frame),
  });

  const hear: { [K in FleetingEnvelope["kind"]]: (channel: string, envelope: OfKind<K>) => void } = {
    signal: (channel, { frame, exclude }) => fanOut.signal(channel, frame, exclude),
    personal: (channel, { user, frame, exclude }) => fanOut.personal(channel, user, frame, exclude),
    presence: crowds.announced,
    typing(channel, heard) {
      if (heard.frame.length > WHO_TYPES.length) typists.announced(channel, heard);
      else if (heard.exclude !== options.node.current()) typing.asked(channel, typists.usersIn(channel));
    },
  };
  /** Whoever comes to an edge that did not listen to the channel is told who types by the edges on which they do. */
  const entered: Attendance["entered"] = (session, channel) => {
    const told = attendance.entered(session, channel);
    if (hub.membersOf(channel).size > 1) return told;
    const ask = ({ online, mode }: Crowd): void => {
      if (online > 1 && mode !== "count") signals.send(channel, "typing", options.node.current(), WHO_TYPES);
    };
    told.then(ask, () => undefined);
    return told;
  };
  const fleeting = <K extends FleetingEnvelope["kind"]>(channel: string, envelope: OfKind<K> & { kind: K }): void =>
    hear[envelope.kind](channel, envelope);

  return {
    attendance: { ...attendance, entered },
    typing,
    typists,
    crowds,
    leavers: [
      typing.stop,
      attendance.exited,
      (_session, channel) => {
        if (!hasMembers(channel)) crowds.forget(channel);
      },
    ],
    fleeting,
    unheard: typists.unheard,
    restored: comparison.restored,
    served: (partition, replicationId) => presence.served(partition, replicationId),
    isNeeded: graces.isIn,
    clusterKnown: tellEverybody,
    sizes: () => ({
      graces: graces.size(),
      untold: presence.waiting() + sessions.size(),
      crowds: crowds.waiting(),
      typists: typists.size(),
    }),
    close() {
      for (const part of [crowds, comparison, graces, typists, typing, sessions, presence]) part.close();
    },
  };
}

function ownSessionIn(
  hub: Pick<Hub<Session>, "sessionsOf">,
  channel: string,
  user: string,
  preferred: string,
): string | undefined {
  let own: string | undefined;
  for (const { id, channels } of hub.sessionsOf(user)) {
    if (!channels.has(channel)) continue;
    if (id === preferred) return id;
    own ??= id;
  }
  return own;
}

type OfKind<K extends FleetingEnvelope["kind"]> = Extract<FleetingEnvelope, { kind: K }>;

interface FitPresence extends Presence {
  /** Resolves once there is one. */
  readonly began: Promise<void>;
}

/** One that touches Redis once that is found fit, since it may be another cluster's; nobody has joined anything before. */
function createFitPresence(isFit: Promise<boolean>, create: () => Presence): FitPresence {
  let presence: Presence | undefined;
  let isHeld = false;
  let isClosed = false;
  const began = isFit.then((fit) => {
    if (!fit || isClosed) return;
    presence = create();
    if (isHeld) presence.hold();
  });
  const early = (): Promise<Crowd> => Promise.reject(new ChatError("unavailable", "Redis has not been checked yet"));
  return {
    began,
    changed: (channel, user, session) => presence?.changed(channel, user, session) ?? early(),
    sessionChanged: (user, session) => presence?.sessionChanged(user, session),
    served: (partition, replicationId) => presence?.served(partition, replicationId),
    hold() {
      isHeld = true;
      presence?.hold();
    },
    waiting: () => presence?.waiting() ?? 0,
    close() {
      isClosed = true;
      presence?.close();
    },
  };
}
