// Owns the index over all histories and the stored rows that the checker's rules read: sends with their outcomes, frames
// by position, what each client was owed. Built once per check. Must never judge: that is the rules' part.
import { comparePositions, positionText } from "./client-frame.ts";
import type { Position } from "./client-frame.ts";
import { coveragesOf, covers } from "./coverage.ts";
import type { Coverage, FrameEvent } from "./coverage.ts";
import type { ClientHistory, StampedEvent } from "./history.ts";

/** One stored frame, as a full read of Postgres gives it. */
export interface Row extends Position {
  channel: string;
  id: string;
  clientId: string;
  author: string;
  /** Absent or null when it was deleted. */
  body?: string | null;
  prev?: Position;
  /** `message` unless given. */
  type?: string;
  /** Of a reaction. */
  emoji?: string;
  on?: boolean;
}

export type OkEvent = Extract<StampedEvent, { kind: "ok" }>;

/** A message as its sender knows it: every attempt and every answer under one clientId. */
export interface Sent {
  client: string;
  user: string;
  channel: string;
  clientId: string;
  bodies: Set<string>;
  /** Session of each attempt, in order. */
  attempts: { session: number; order: number }[];
  oks: OkEvent[];
  refusals: string[];
  unknowns: number;
}

/** A sequenced frame as somebody saw it; `seenBy` names a client, or Postgres. */
export interface Sighting extends Position {
  channel: string;
  seenBy: string;
  type: string;
  id: string;
  clientId?: string | undefined;
  user?: string | undefined;
  body?: string | null | undefined;
  emoji?: string | undefined;
  on?: boolean | undefined;
  prev?: Position | undefined;
  /** From a page in which later edits are already applied. */
  folded?: boolean;
}

export interface Evidence {
  clients: ClientHistory[];
  /** Undefined when Postgres was not read. */
  rows: Row[] | undefined;
  sent: Sent[];
  /** By channel, user and clientId. */
  sentBy: Map<string, Sent>;
  /** Deliveries and rows alike. */
  sightings: Sighting[];
  coverages: Coverage[];
  /** The highest position known in each channel. */
  heads: Map<string, Position>;
  /** True when a failover may take acknowledged messages back, as long as it is told. */
  lossAllowed: boolean;
  /** True when whoever was joined was told of everybody who came and went. */
  areSignalsWhole: boolean;
}

/** `|` is in neither channels nor clientIds. */
export const sendKey = (channel: string, user: string, clientId: string): string => `${channel}|${clientId}|${user}`;

const gatherSends = (clients: ClientHistory[]): Map<string, Sent> => {
  const sent = new Map<string, Sent>();
  for (const { client, user, events } of clients) {
    for (const [order, event] of events.entries()) {
      if (event.kind !== "send" && event.kind !== "ok" && event.kind !== "refused" && event.kind !== "unknown")
        continue;
      const key = sendKey(event.channel, user, event.clientId);
      const one: Sent = sent.get(key) ?? {
        ...{ client, user, channel: event.channel, clientId: event.clientId, bodies: new Set(), attempts: [] },
        ...{ oks: [], refusals: [], unknowns: 0 },
      };
      sent.set(key, one);
      if (event.kind === "send") {
        one.bodies.add(event.body);
        one.attempts.push({ session: event.session, order });
      } else if (event.kind === "ok") one.oks.push(event);
      else if (event.kind === "refused") one.refusals.push(event.code);
      else one.unknowns += 1;
    }
  }
  return sent;
};

const asSighting = (client: string, event: FrameEvent): Sighting => {
  const { channel, epoch, seq, type, id, clientId, user, body, emoji, on, prev } = event;
  const seen = { seenBy: client, channel, epoch, seq, type, id, clientId, user, body, emoji, on, prev };
  return { ...seen, folded: event.via === "folded" };
};

const sightingsOf = (clients: ClientHistory[], rows: Row[]): Sighting[] => [
  ...clients.flatMap(({ client, events }) =>
    events.flatMap((event) => (event.kind === "frame" ? [asSighting(client, event)] : [])),
  ),
  ...rows.map(({ author, type = "message", ...row }) => ({ ...row, type, user: author, seenBy: "Postgres" })),
];

const headsOf = (positions: (Position & { channel: string })[]): Map<string, Position> => {
  const heads = new Map<string, Position>();
  for (const { channel, epoch, seq } of positions) {
    const head = heads.get(channel);
    if (head === undefined || comparePositions({ epoch, seq }, head) > 0) heads.set(channel, { epoch, seq });
  }
  return heads;
};

/** Indexes what was seen, done and stored. */
export const gatherEvidence = (
  clients: ClientHistory[],
  rows: Row[] | undefined,
  { lossAllowed, areSignalsWhole }: Pick<Evidence, "lossAllowed" | "areSignalsWhole">,
): Evidence => {
  const sentBy = gatherSends(clients);
  const sent = [...sentBy.values()];
  const sightings = sightingsOf(clients, rows ?? []);
  const heads = headsOf([...sightings, ...sent.flatMap(({ oks }) => oks)]);
  const coverages = clients.flatMap(coveragesOf);
  return { clients, rows, sent, sentBy, sightings, coverages, heads, lossAllowed, areSignalsWhole };
};

/** The first frame known of each epoch of a channel that says what it follows, oldest first. */
export const epochStarts = (evidence: Evidence, channel: string): (Position & { prev: Position })[] => {
  const starts = new Map<number, Position & { prev: Position }>();
  for (const seen of evidence.sightings) {
    if (seen.channel !== channel || seen.prev === undefined) continue;
    const known = starts.get(seen.epoch);
    // Postgres may know a later predecessor than the frame did when it was announced; the greater one is the truth.
    const prev = known !== undefined && comparePositions(known.prev, seen.prev) > 0 ? known.prev : seen.prev;
    starts.set(seen.epoch, { epoch: seen.epoch, seq: seen.seq, prev });
  }
  return [...starts.values()].toSorted(comparePositions);
};

/** Whether a later epoch goes on from below this position, which means that a failover took the position back. */
export const takenBack = (evidence: Evidence, channel: string, position: Position): boolean =>
  epochStarts(evidence, channel).some(
    ({ epoch, prev }) => position.epoch < epoch && comparePositions(prev, position) < 0,
  );

/** Whether somebody was told that this position is lost. */
export const toldLost = (evidence: Evidence, channel: string, position: Position): boolean =>
  evidence.coverages.some(
    (coverage) =>
      coverage.channel === channel && coverage.gaps.some((gap) => gap.lost === true && covers(gap, position)),
  );

/** Whether the sender was told at a later join that continuity cannot be shown. */
export const toldUnrecovered = (evidence: Evidence, sender: string, ok: OkEvent): boolean =>
  evidence.clients.some(
    ({ client, events }) =>
      client === sender &&
      events.some(
        (event) =>
          event.kind === "start" &&
          event.channel === ok.channel &&
          !event.recovered &&
          event.after !== undefined &&
          event.atMs >= ok.atMs,
      ),
  );

/** How a position reads in a violation. */
export const named = (channel: string, position: Position): string => `${channel} ${positionText(position)}`;
