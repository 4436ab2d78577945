// Owns the record of what one client did and saw, as events in the order in which they happened to it. Written by the
// testkit's client and by fault scripts, read by the checker. Must never interpret: an event is what came over the wire.
import { appendFileSync, readFileSync } from "node:fs";
import type { Position } from "./client-frame.ts";

/** How a frame came: announced, in a join reply or page read forward, or in a page of folded messages. */
export type Via = "live" | "forward" | "folded";

/** What can happen. `session` counts a client's connections from 1. */
export type HistoryEvent =
  | { kind: "send"; session: number; channel: string; clientId: string; body: string }
  | ({ kind: "ok"; channel: string; clientId: string; id: string; duplicate?: boolean } & Position)
  | { kind: "refused"; channel: string; clientId: string; code: string }
  | { kind: "unknown"; channel: string; clientId: string }
  /** An edit, deletion or reaction was acknowledged: where it stands, and the message it is about. */
  | ({ kind: "changed"; channel: string; id: string } & Position)
  /** A join reply: `head` is where the channel stood, `after` what was asked for. Its messages follow as frames. */
  | ({ kind: "start"; session: number; channel: string; head: Position } & StartFacts)
  /** The pages that `more: true` of a start announced have been read to their end. */
  | { kind: "level"; session: number; channel: string }
  | ({ kind: "frame"; session: number; channel: string; via: Via; page?: number } & FrameFacts & Position)
  | { kind: "gap"; session: number; channel: string; from: Position; to: Position; lost?: boolean }
  | { kind: "leave"; session: number; channel: string }
  | { kind: "closed"; session: number; code: number }
  /** Somebody was told to have come or gone. */
  | { kind: "coming"; session: number; channel: string; user: string; what: "joined" | "left" }
  /** A user seen present, for example in a `members` reply. */
  | { kind: "present"; channel: string; user: string }
  /** From `atMs` plus the bound on, this user may be delivered nothing / may not be present / may say nothing, until `untilMs`. */
  | {
      kind: "bound";
      what: "delivery" | "presence" | "sending";
      user: string;
      channel?: string;
      withinMs: number;
      untilMs?: number;
    };

/** What the checker wants to know of a sequenced frame. */
export interface FrameFacts {
  type: string;
  id: string;
  clientId?: string;
  user?: string;
  body?: string;
  emoji?: string;
  on?: boolean;
  prev?: Position;
  /** Of a frame in a page: how many events there were when the page was asked for. */
  askedAt?: number;
  /** The server's stamp, ms since the Unix epoch. */
  sentAtMs?: number;
}

/** What a join reply says about continuity. */
export interface StartFacts {
  after?: Position;
  recovered: boolean;
  more?: boolean;
}

/** An event with the time at which the client knew of it, ms since the Unix epoch. */
export type StampedEvent = HistoryEvent & { atMs: number };

/** One client's record. */
export interface ClientHistory {
  client: string;
  user: string;
  events: StampedEvent[];
}

export interface History extends ClientHistory {
  add: (event: HistoryEvent, atMs?: number) => void;
}

export interface HistoryOptions {
  client: string;
  user: string;
  /** Each event is also appended here as one line of JSON, so that a killed process leaves its record. */
  file?: string;
}

/** Starts an empty record. */
export const createHistory = ({ client, user, file }: HistoryOptions): History => {
  const events: StampedEvent[] = [];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ client, user })}\n`);
  return {
    client,
    user,
    events,
    add: (event, atMs = Date.now()) => {
      const stamped = { ...event, atMs };
      events.push(stamped);
      // Written at once: a record that is lost with its process proves nothing.
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(stamped)}\n`);
    },
  };
};

const isNamed = (value: unknown): value is { client: string; user: string } =>
  typeof value === "object" && value !== null && "client" in value && "user" in value;

const isStamped = (value: unknown): value is StampedEvent =>
  typeof value === "object" && value !== null && "kind" in value && "atMs" in value;

/** Reads a file written by `createHistory`. A last line cut short by a kill is left out. */
export const readHistory = (file: string): ClientHistory => {
  const [first = "", ...lines] = readFileSync(file, "utf8").split("\n").slice(0, -1);
  const named: unknown = JSON.parse(first);
  if (!isNamed(named)) throw new Error(`${file} is no history`);
  const events = lines.map((line): unknown => JSON.parse(line)).filter(isStamped);
  return { client: named.client, user: named.user, events };
};
