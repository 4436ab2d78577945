// What an edge counts. Hot paths add to plain numbers; everything else is read when metrics are collected. Label sets are
// closed tables: never a user, a channel or a connection.

import { CLIENT_FRAMES, CLOSES, ERRORS } from "@rookery/protocol";
import type { ClientFrameType, CloseReason, ErrorCode } from "@rookery/protocol";
import type { Metrics, PlainCount } from "@rookery/runtime";
import { RELAY_EVENTS } from "./relay.ts";
import type { RelayCounts } from "./relay.ts";
import { UPGRADE_REFUSALS } from "./upgrade-refusals.ts";
import type { UpgradeRefusal } from "./upgrade-refusals.ts";

const STANDARD_CLOSES = { normal: 1000, going_away: 1001, no_status: 1005, abnormal: 1006 } as const;
type CloseLabel = CloseReason | keyof typeof STANDARD_CLOSES | "other";

const RESUME_OUTCOMES = ["recovered", "not_recovered"] as const;
const TOKEN_OUTCOMES = ["ok", "unauthenticated", "token_expired", "unavailable"] as const;
const SEND_OUTCOMES = ["new", "duplicate"] as const;
/** From a tenth of a millisecond, one round trip on one machine, to the command timeout. */
const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export interface EdgeMetrics {
  readonly connects: PlainCount;
  readonly upgradesRefused: Readonly<Record<UpgradeRefusal, PlainCount>>;
  readonly framesIn: Readonly<Record<ClientFrameType, PlainCount>>;
  readonly refusals: Readonly<Record<ErrorCode, PlainCount>>;
  readonly resumes: Readonly<Record<(typeof RESUME_OUTCOMES)[number], PlainCount>>;
  readonly tokenChecks: Readonly<Record<(typeof TOKEN_OUTCOMES)[number], PlainCount>>;
  readonly sends: Readonly<Record<(typeof SEND_OUTCOMES)[number], PlainCount>>;
  /** Frames times sockets: what the server's native topics were asked to write. */
  readonly deliveries: PlainCount;
  readonly resubscribes: PlainCount;
  readonly probeMisses: PlainCount;
  readonly sendToOkSeconds: { observe(value: number): void };
  readonly relay: RelayCounts;
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
    refusals: counters("refusals", "Errors answered to clients, by code.", "code", keysOf(ERRORS)),
    resumes: counters("resumes", "Joins with a position, by outcome.", "outcome", RESUME_OUTCOMES),
    tokenChecks: counters("token_checks", "Tokens verified, by outcome.", "outcome", TOKEN_OUTCOMES),
    sends: counters("sends", "Sends acknowledged, by outcome.", "outcome", SEND_OUTCOMES),
    deliveries: metrics.plainCounter(
      "rookery_edge_deliveries_total",
      "Frames times local sockets they were handed to.",
    ),
    resubscribes: metrics.plainCounter("rookery_edge_resubscribes_total", "Times all topics were subscribed again."),
    probeMisses: metrics.plainCounter(
      "rookery_edge_probe_misses_total",
      "Times the subscriber connection was found deaf.",
    ),
    sendToOkSeconds: metrics.histogram("rookery_edge_send_to_ok_seconds", "From a send frame to its ok.", SECONDS),
    relay: counters("relay_events", "Envelopes and holes of subscribed channels, by fate.", "event", RELAY_EVENTS),
    disconnected(code) {
      disconnects[labelOfCode.get(code) ?? "other"].n += 1;
    },
  };
}

function keysOf<T extends object>(table: T): (keyof T & string)[] {
  return Object.keys(table).filter((key): key is keyof T & string => key in table);
}
