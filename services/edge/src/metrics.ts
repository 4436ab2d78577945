// What an edge counts. Hot paths add to plain numbers; everything else is read when metrics are collected. Label sets are
// closed tables: never a user, a channel or a connection.

import { CLIENT_FRAMES, CLOSES, ERRORS, SERVER_FRAMES } from "@rookery/protocol";
import type { ClientFrameType, CloseReason, ErrorCode, ServerFrameType } from "@rookery/protocol";
import type { Metrics, PlainCount, PlainHistogram } from "@rookery/runtime";
import { LANES, STUCK_REASONS } from "./lanes/lane.ts";
import type { LaneCounts } from "./lanes/lanes.ts";
import { SIGNAL_CLASSES } from "./lanes/shed-signals.ts";
import type { ShedCounts } from "./lanes/shed-signals.ts";
import { SHED_CLASSES } from "./overload/overload.ts";
import type { Shed } from "./overload/overload.ts";
import { RELAY_EVENTS } from "./relay.ts";
import type { RelayCounts } from "./relay.ts";
import { SHARED_SCOPES } from "./shared-rates.ts";
import type { SharedScope } from "./shared-rates.ts";
import { UPGRADE_REFUSALS } from "./upgrade-refusals.ts";
import type { UpgradeRefusal } from "./upgrade-refusals.ts";

const STANDARD_CLOSES = { normal: 1000, going_away: 1001, no_status: 1005, abnormal: 1006 } as const;
type CloseLabel = CloseReason | keyof typeof STANDARD_CLOSES | "other";

const RESUME_OUTCOMES = ["recovered", "not_recovered"] as const;
const TOKEN_OUTCOMES = ["ok", "unauthenticated", "token_expired", "unavailable"] as const;
/** `known`: in memory; `read`: asked of Redis, and of Postgres where that does not know. */
const LOOKUP_OUTCOMES = ["known", "read"] as const;
/** `by_name`: a `joined` or `left`. */
const SIGNALS = ["by_name", "presence", "typing"] as const;
const SEND_OUTCOMES = ["new", "duplicate"] as const;
/** From a tenth of a millisecond, one round trip on one machine, to the command timeout. */
const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** Frames are dated to the millisecond; one that was healed is as old as the hole. */
const AGE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SOCKETS = [0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000];

export interface EdgeMetrics {
  readonly connects: PlainCount;
  readonly upgradesRefused: Readonly<Record<UpgradeRefusal, PlainCount>>;
  readonly framesIn: Readonly<Record<ClientFrameType, PlainCount>>;
  readonly framesOut: Readonly<Record<ServerFrameType, PlainCount>>;
  readonly fanOutSockets: PlainHistogram;
  readonly publishToFanOutSeconds: PlainHistogram;
  readonly refusals: Readonly<Record<ErrorCode, PlainCount>>;
  readonly rateLimited: Readonly<Record<SharedScope, PlainCount>>;
  readonly resumes: Readonly<Record<(typeof RESUME_OUTCOMES)[number], PlainCount>>;
  readonly tokenChecks: Readonly<Record<(typeof TOKEN_OUTCOMES)[number], PlainCount>>;
  readonly rightsLookups: Readonly<Record<(typeof LOOKUP_OUTCOMES)[number], PlainCount>>;
  readonly sends: Readonly<Record<(typeof SEND_OUTCOMES)[number], PlainCount>>;
  /** Frames times sockets: what the server's native topics were asked to write. */
  readonly deliveries: PlainCount;
  readonly signals: Readonly<Record<(typeof SIGNALS)[number], PlainCount>>;
  readonly shed: Readonly<Record<Shed, PlainCount>>;
  readonly resubscribes: PlainCount;
  readonly probeMisses: PlainCount;
  readonly sendToOkSeconds: PlainHistogram;
  readonly relay: RelayCounts;
  readonly lanes: LaneCounts;
  readonly signalsShed: ShedCounts;
  disconnected(code: number): void;
}

export function createEdgeMetrics(metrics: Metrics): EdgeMetrics {
  const labels: CloseLabel[] = [...keysOf(CLOSES), ...keysOf(STANDARD_CLOSES), "other"];
  const disconnects = metrics.plainCounters(
    "rookery_edge_disconnects_total",
    "Sockets closed, by reason.",
    "reason",
    labels,
  );
  const labelOfCode = new Map<number, CloseLabel>([
    ...keysOf(CLOSES).map((reason): [number, CloseLabel] => [CLOSES[reason].code, reason]),
    ...keysOf(STANDARD_CLOSES).map((reason): [number, CloseLabel] => [STANDARD_CLOSES[reason], reason]),
  ]);
  const counters = <const V extends string>(name: string, help: string, label: string, values: readonly V[]) =>
    metrics.plainCounters(`rookery_edge_${name}_total`, help, label, values);
  return {
    connects: metrics.plainCounter("rookery_edge_connects_total", "Upgrades that became a socket."),
    upgradesRefused: counters("upgrades_refused", "Upgrades refused, by reason.", "reason", keysOf(UPGRADE_REFUSALS)),
    framesIn: counters("frames_in", "Frames taken from clients, by type.", "type", keysOf(CLIENT_FRAMES)),
    framesOut: counters("frames_out", "Frames handed to sockets, by type.", "type", keysOf(SERVER_FRAMES)),
    fanOutSockets: metrics.histogram(
      "rookery_edge_fan_out_sockets",
      "Sockets that a channel's frame went to.",
      SOCKETS,
    ),
    publishToFanOutSeconds: metrics.histogram(
      "rookery_edge_publish_to_fan_out_seconds",
      "From a frame's position in Redis to its hand-over to the sockets here, of some frames; the beat comes on top.",
      AGE_SECONDS,
    ),
    refusals: counters("refusals", "Errors answered to clients, by code.", "code", keysOf(ERRORS)),
    rateLimited: counters(
      "rate_limited",
      "Frames refused since too many were announced, by whose they were together.",
      "scope",
      SHARED_SCOPES,
    ),
    resumes: counters("resumes", "Joins with a position, by outcome.", "outcome", RESUME_OUTCOMES),
    tokenChecks: counters("token_checks", "Tokens verified, by outcome.", "outcome", TOKEN_OUTCOMES),
    rightsLookups: counters(
      "rights_lookups",
      "Rights asked for, by where they were found.",
      "outcome",
      LOOKUP_OUTCOMES,
    ),
    sends: counters("sends", "Sends acknowledged, by outcome.", "outcome", SEND_OUTCOMES),
    deliveries: metrics.plainCounter(
      "rookery_edge_deliveries_total",
      "Frames times local sockets they were handed to.",
    ),
    signals: counters("signals", "Frames of presence and typing handed to a channel here, by kind.", "kind", SIGNALS),
    shed: counters("shed", "What was not begun since there was too much to do, by class.", "class", SHED_CLASSES),
    resubscribes: metrics.plainCounter("rookery_edge_resubscribes_total", "Times all topics were subscribed again."),
    probeMisses: metrics.plainCounter(
      "rookery_edge_probe_misses_total",
      "Times the subscriber connection was found deaf.",
    ),
    sendToOkSeconds: metrics.histogram("rookery_edge_send_to_ok_seconds", "From a send frame to its ok.", SECONDS),
    relay: counters("relay_events", "Envelopes and holes of subscribed channels, by fate.", "event", RELAY_EVENTS),
    lanes: {
      entered: counters("slow_sockets", "Times that a socket became slow, by the lane it came into.", "lane", LANES),
      closed: counters("slow_closes", "Slow sockets closed, by why they could not stay.", "reason", STUCK_REASONS),
      gapsTold: metrics.plainCounter("rookery_edge_slow_gaps_total", "Gaps told to sockets that had been behind."),
    },
    signalsShed: counters("signals_shed", "Signals that slow sockets were not given, by type.", "type", SIGNAL_CLASSES),
    disconnected(code) {
      disconnects[labelOfCode.get(code) ?? "other"].n += 1;
    },
  };
}

function keysOf<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table).filter((key): key is keyof T & string => key in table);
}
