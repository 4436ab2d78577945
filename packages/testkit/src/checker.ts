// Owns the rules that a run must not break, judged over every client's history and a full read of Postgres. Called at the
// end of fault tests and lab runs, after everything was healed and is quiet. Pure: no clock, no server.
// Must never excuse a silent loss: only what a client was told of is excused.
import { comparePositions, positionText } from "./client-frame.ts";
import type { Position } from "./client-frame.ts";
import { changeMissing, deletedShown, editedByAnother, reactedTwice } from "./change-rules.ts";
import { jumpsWithoutGap } from "./continuity-rule.ts";
import { covers } from "./coverage.ts";
import type { Coverage, Stretch } from "./coverage.ts";
import { gatherEvidence, named, sendKey, takenBack, toldLost, toldUnrecovered } from "./evidence.ts";
import type { Evidence, OkEvent, Row, Sent, Sighting } from "./evidence.ts";
import type { ClientHistory, StampedEvent } from "./history.ts";
import { leftWhileThere, outOfTurn } from "./presence-rules.ts";

/** One broken rule, with enough to find it in the histories. */
export interface Violation {
  rule: string;
  detail: string;
}

export interface CheckOptions {
  clients: ClientHistory[];
  /** Every sequenced row of the run's channels. Left out, nothing is said about Postgres. */
  rows?: Row[];
  /** `safe` excuses no lost message; `fast` those that a failover took back and that their holders were told of. */
  mode?: "fast" | "safe";
  /**
   * `whole`: every channel was told by name, no topic was cut and no living edge given up, so that comings and goings are judged
   * too. They are not promised otherwise.
   */
  signals?: "whole";
}

type Rule = (evidence: Evidence) => string[];

const refusedButSeen: Rule = ({ sent, sightings }) => {
  // An attempt without an answer, or with an unknown one, may have been applied: then a later refusal says nothing.
  const refused = new Map(
    sent
      .filter(({ attempts, refusals, unknowns, oks }) => {
        return refusals.length > 0 && refusals.length === attempts.length && unknowns === 0 && oks.length === 0;
      })
      .map((one) => [sendKey(one.channel, one.user, one.clientId), one]),
  );
  return sightings.flatMap((seen) => {
    const one = refused.get(sendKey(seen.channel, seen.user ?? "", seen.clientId ?? ""));
    if (one === undefined || seen.type !== "message") return [];
    return [
      `${one.client} was refused ${one.clientId} (${one.refusals.join()}), ${seen.seenBy} has it at ${where(seen)}`,
    ];
  });
};

const where = (seen: Position & { channel: string }): string => named(seen.channel, seen);

const isOwed = (stretch: Stretch, position: Position, head: Position | undefined): boolean =>
  comparePositions(stretch.after, position) < 0 &&
  comparePositions(position, stretch.open && head !== undefined ? head : stretch.reached) <= 0;

/** A client that left while it was still fetching a gap was told; one that stayed had to be given it. */
const isExcused = (coverage: Coverage, stretch: Stretch, position: Position): boolean =>
  coverage.gaps.some((gap) => covers(gap, position) && (gap.lost === true || !stretch.open));

const missingDeliveries = (evidence: Evidence, ok: OkEvent): string[] =>
  evidence.coverages
    .filter((coverage) => coverage.channel === ok.channel && !coverage.frames.has(positionText(ok)))
    .flatMap((coverage) => {
      const head = evidence.heads.get(ok.channel);
      const owed = coverage.stretches.find((one) => isOwed(one, ok, head) && !isExcused(coverage, one, ok));
      return owed === undefined ? [] : [`${where(ok)} (${ok.clientId}) never reached ${coverage.client}`];
    });

const missingRow = (evidence: Evidence, rows: Map<string, Row>, sender: Sent, ok: OkEvent): string[] => {
  if (evidence.rows === undefined || rows.get(where(ok))?.id === ok.id) return [];
  const excused =
    evidence.lossAllowed &&
    (toldLost(evidence, ok.channel, ok) ||
      (takenBack(evidence, ok.channel, ok) && toldUnrecovered(evidence, sender.client, ok)));
  return excused ? [] : [`${where(ok)} (${ok.clientId} of ${sender.client}) is not in Postgres`];
};

const acknowledgedButMissing: Rule = (evidence) => {
  const rows = new Map(evidence.rows?.map((row) => [where(row), row]));
  return evidence.sent.flatMap((sender) =>
    sender.oks.flatMap((ok) => [...missingRow(evidence, rows, sender, ok), ...missingDeliveries(evidence, ok)]),
  );
};

/** Every claim that some message stands at some position: deliveries, rows and acknowledgements. */
const claims = ({ sightings, sent }: Evidence): Sighting[] => [
  ...sightings,
  ...sent.flatMap(({ client, user, oks }) =>
    oks.map((ok) => ({ ...ok, type: "message", user, seenBy: `${client}'s acknowledgement` })),
  ),
];

/** Groups claims by `key` and reports groups that disagree on `value`. */
const disagreements = (
  all: Sighting[],
  key: (one: Sighting) => string,
  value: (one: Sighting) => string,
  says: string,
): string[] => {
  const first = new Map<string, Sighting>();
  const reported = new Map<string, string>();
  for (const one of all) {
    const known = first.get(key(one));
    if (known === undefined) first.set(key(one), one);
    else if (value(known) !== value(one)) {
      reported.set(
        `${key(one)} ${value(one)}`,
        `${key(one)} ${says}: ${value(known)} (${known.seenBy}) and ${value(one)} (${one.seenBy})`,
      );
    }
  }
  return [...reported.values()];
};

const messagesOf = (evidence: Evidence): Sighting[] => claims(evidence).filter(({ type }) => type === "message");

const idAtTwoPositions: Rule = (evidence) =>
  disagreements(messagesOf(evidence), ({ channel, id }) => `${channel} ${id}`, positionText, "stands at two positions");

const twoAtOnePosition: Rule = (evidence) =>
  disagreements(claims(evidence), where, ({ type, id }) => `${type} ${id}`, "holds two things");

/** A failover may let the repeat of an unknown stand a second time, but only under a new epoch. */
const sentOnceSeenTwice: Rule = (evidence) =>
  disagreements(
    messagesOf(evidence),
    ({ channel, epoch, clientId = "", user = "" }) => `${channel} epoch ${epoch} ${user} ${clientId}`,
    ({ id }) => id,
    "became two messages",
  );

const goingBack: Rule = ({ clients }) =>
  clients.flatMap(({ client, events }) => {
    const lasts = new Map<string, Position>();
    return events.flatMap((event) => {
      if (event.kind !== "frame") return [];
      const line = event.via === "live" ? "live" : `page ${event.page ?? 0}`;
      const key = `session ${event.session} ${event.channel} ${line}`;
      const last = lasts.get(key);
      lasts.set(key, event);
      if (last === undefined || comparePositions(last, event) < 0) return [];
      return [`${client}, ${key}: ${positionText(event)} after ${positionText(last)}`];
    });
  });

const orderInverted: Rule = ({ sent }) => {
  // What was sent twice may have been applied at either attempt, so it says nothing about order.
  const once = sent
    .flatMap((one) => {
      const [attempt] = one.attempts;
      const [ok] = one.oks;
      return attempt === undefined || ok === undefined || one.attempts.length > 1 ? [] : [{ ...attempt, ok, one }];
    })
    .toSorted((a, b) => a.order - b.order);
  const lasts = new Map<string, (typeof once)[number]>();
  return once.flatMap((next) => {
    const key = `${next.one.client} session ${next.session} ${next.one.channel}`;
    const last = lasts.get(key);
    lasts.set(key, next);
    if (last === undefined || comparePositions(last.ok, next.ok) < 0) return [];
    return [`${key}: ${next.one.clientId} was sent after ${last.one.clientId} and stands before it`];
  });
};

const neverSent: Rule = ({ sightings, sentBy }) => {
  const edited = new Set(sightings.flatMap(({ type, channel, id }) => (type === "edited" ? [`${channel} ${id}`] : [])));
  return sightings.flatMap((seen) => {
    if (seen.type !== "message") return [];
    const sender = sentBy.get(sendKey(seen.channel, seen.user ?? "", seen.clientId ?? ""));
    if (sender === undefined || sender.attempts.length === 0) {
      return [`${seen.seenBy} has ${where(seen)} by ${seen.user ?? "nobody"}, which nobody sent`];
    }
    const comparable =
      typeof seen.body === "string" && seen.folded !== true && !edited.has(`${seen.channel} ${seen.id}`);
    if (!comparable || sender.bodies.has(String(seen.body))) return [];
    return [`${seen.seenBy} has another text at ${where(seen)} than ${sender.client} sent`];
  });
};

type BoundEvent = Extract<StampedEvent, { kind: "bound" }>;

const isBeyond = (bound: BoundEvent, channel: string, atMs: number): boolean =>
  (bound.channel === undefined || bound.channel === channel) &&
  atMs > bound.atMs + bound.withinMs &&
  (bound.untilMs === undefined || atMs < bound.untilMs);

/** Judged by the server's stamp: what waits in a socket's buffer may still arrive, what is published later may not. */
const beyondBound: Rule = ({ clients }) => {
  const bounds = clients.flatMap(({ events }) => events.filter((event) => event.kind === "bound"));
  return clients.flatMap(({ client, user, events }) =>
    events.flatMap((event) =>
      bounds.flatMap((bound) => {
        if (event.kind === "frame" && event.via === "live" && bound.what === "delivery" && bound.user === user) {
          const atMs = event.sentAtMs ?? event.atMs;
          return isBeyond(bound, event.channel, atMs) ? [`${client} was delivered ${where(event)} at ${atMs}`] : [];
        }
        if (
          event.kind === "frame" &&
          event.type === "message" &&
          bound.what === "sending" &&
          bound.user === event.user
        ) {
          const late = event.sentAtMs !== undefined && isBeyond(bound, event.channel, event.sentAtMs);
          return late ? [`${client} has ${where(event)} of ${event.user}, who said it at ${event.sentAtMs}`] : [];
        }
        if (event.kind === "present" && bound.what === "presence" && bound.user === event.user) {
          const late = isBeyond(bound, event.channel, event.atMs);
          return late ? [`${client} saw ${event.user} in ${event.channel} at ${event.atMs}`] : [];
        }
        return [];
      }),
    ),
  );
};

/** Every rule by its name in a report. */
export const rules = {
  "a refused send is seen": refusedButSeen,
  "an acknowledged message is missing": acknowledgedButMissing,
  "one id at two positions": idAtTwoPositions,
  "two messages at one position": twoAtOnePosition,
  "one send became two messages": sentOnceSeenTwice,
  "a jump without a gap": jumpsWithoutGap,
  "going back": goingBack,
  "one sender's order inverted": orderInverted,
  "a message nobody sent": neverSent,
  "an acknowledged change is missing": changeMissing,
  "a deleted message is shown": deletedShown,
  "an edit by another": editedByAnother,
  "one reaction stands twice": reactedTwice,
  "somebody comes or goes out of turn": outOfTurn,
  "somebody left who is there": leftWhileThere,
  "presence or delivery beyond its bound": beyondBound,
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;

/** Judges a finished run. An empty list means that no promise was seen broken. */
export const checkHistories = ({ clients, rows, mode = "fast", signals }: CheckOptions): Violation[] => {
  const allowed = { lossAllowed: mode === "fast", areSignalsWhole: signals === "whole" };
  const evidence = gatherEvidence(clients, rows, allowed);
  return Object.entries(rules).flatMap(([rule, judge]) => judge(evidence).map((detail) => ({ rule, detail })));
};

/** Violations as text for a failure message, the first of each rule in full. */
export const describeViolations = (violations: Violation[], atMost = 20): string =>
  [
    ...violations.slice(0, atMost).map(({ rule, detail }) => `${rule}: ${detail}`),
    ...(violations.length > atMost ? [`and ${violations.length - atMost} more`] : []),
  ].join("\n");
