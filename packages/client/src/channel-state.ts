/**
 * What an application draws of a channel: its messages with everything that has happened to them, who is there, who types, what is
 * unread. Folded from frames in the order in which {@link createFollowing} hands them on; never asks for anything itself.
 */
import { comparePositions, ORIGIN } from "@rookery/protocol/wire";
import type { SequencedFrame, ServerFrame } from "@rookery/protocol/wire";
import { answered, edited, reacted, tombstone } from "./message-changes.ts";
import { isBetween } from "./positions.ts";
import type { ChannelState } from "./public-channel.ts";
import type { ChannelPhase, Message, Pending, Person, Position } from "./public-types.ts";

export interface StateFold {
  /** The same object until {@link changed}. */
  readonly state: () => ChannelState;
  /** Something has changed, here or at its sources. */
  readonly changed: () => void;
  readonly next: (frame: SequencedFrame) => void;
  /** One that the server folded, from before what is there. */
  readonly page: (messages: readonly SequencedFrame[], more: boolean) => void;
  /** What is here cannot be gone on with, or was lost: from one position to the other, or all of it. */
  readonly lost: (from?: Position, to?: Position) => void;
  readonly hear: (frame: ServerFrame) => void;
  /** Word for word what the edge says; what it counts is counted up to a position. */
  readonly tell: (told: Partial<Told>, countedTo?: Position) => void;
  /** All who are there; undefined with the session that told of them and of those who type. */
  readonly present: (people: readonly Person[] | undefined) => void;
}

export type Told = Omit<ChannelState, "phase" | "messages" | "pending" | "present" | "typing">;

export interface StateSources {
  readonly me: () => string | undefined;
  readonly nowMs: () => number;
  readonly phase: () => ChannelPhase;
  readonly pending: () => readonly Pending[];
}

const MOST_COUNTED = 100;
/** One more, and the oldest go, a tenth of them at once. */
const MOST_MESSAGES = 10_000;

export function createStateFold({ me, nowMs, phase, pending }: StateSources): StateFold {
  const byId = new Map<string, Message>();
  const there = new Map<string, Person>();
  const typing = new Map<string, { readonly name: string; readonly untilMs: number }>();
  let told: Told = { hasOlder: true, can: [] };
  let countedTo: Position = ORIGIN;
  let sorted: readonly Message[] | undefined;
  let made: ChannelState | undefined;

  const messages = (): readonly Message[] => (sorted ??= [...byId.values()].toSorted(comparePositions));
  const put = (message: Message): void => {
    sorted = undefined;
    byId.set(message.id, message);
  };
  const change = (id: string | undefined, how: (message: Message) => Message): void => {
    const message = byId.get(id ?? "");
    if (message) put(how(message));
  };
  const lost = (from?: Position, to?: Position): void => {
    for (const message of messages()) if (isBetween(message, from, to)) byId.delete(message.id);
    sorted = undefined;
  };
  const tell = (more: Partial<Told>, upTo: Position = countedTo): void => {
    told = { ...told, ...more };
    countedTo = upTo;
  };

  /** Puts a message among what is unread, or takes it out, by a frame that the edge has not counted. */
  const count = (frame: Position, message: Message, by: 1 | -1): void => {
    const { read = ORIGIN, unread, mentions } = told;
    const isRead = message.user === me() || comparePositions(message, read) <= 0;
    if (isRead || comparePositions(frame, countedTo) <= 0) return;
    const isMention = message.mentions?.includes(me() ?? "") === true;
    tell({ unread: counted(unread, by), mentions: counted(mentions, isMention ? by : 0) });
  };

  const add = (message: Message): void => {
    typing.delete(message.user);
    if (byId.has(message.id)) return;
    put(message);
    if (message.deleted) return;
    change(message.replyTo, (original) => answered(original, 1));
    count(message, message, 1);
    if (byId.size <= MOST_MESSAGES) return;
    lost(ORIGIN, messages()[MOST_MESSAGES / 10]);
    tell({ hasOlder: true });
  };
  const crowd = (
    { online, mode = told.mode }: Pick<Told, "online" | "mode">,
    come: readonly Person[] = [],
    gone: readonly Person[] = [],
  ): void => {
    tell({ online, mode });
    for (const { user, name } of come) there.set(user, { user, name });
    for (const { user } of gone) {
      there.delete(user);
      typing.delete(user);
    }
    if (mode === "count") there.clear();
  };
  const typists = (): Person[] => [...typing].map(([user, { name }]) => ({ user, name }));

  return {
    tell,
    lost,
    state: () =>
      (made ??= {
        ...{ phase: phase(), messages: messages(), pending: pending(), typing: typists(), ...told },
        present: [...there.values()],
      }),
    changed() {
      made = undefined;
      for (const [user, { untilMs }] of typing) if (untilMs <= nowMs()) typing.delete(user);
    },
    next(frame) {
      if (frame.type === "message") add(frame);
      else
        change(frame.id, (message) => {
          if (frame.type === "edited") return edited(message, frame.body, frame.at);
          if (frame.type === "reaction") return reacted(message, frame.emoji, frame.on, frame.user === me());
          if (!message.deleted) {
            count(frame, message, -1);
            change(message.replyTo, (original) => answered(original, -1));
          }
          return tombstone(message);
        });
    },
    page(older, more) {
      for (const frame of older) if (frame.type === "message" && !byId.has(frame.id)) put(frame);
      tell({ hasOlder: more });
    },
    present(some) {
      there.clear();
      if (!some) typing.clear();
      crowd(told, some);
    },
    hear(frame) {
      const { type } = frame;
      if (type === "joined") crowd(frame, [frame]);
      else if (type === "left") crowd(frame, [], [frame]);
      else if (type === "presence") crowd(frame, frame.joined, frame.left);
      else if (type === "rights") tell({ role: frame.role, can: frame.can, mutedUntil: frame.mutedUntil });
      else if (type === "typing" && frame.user !== me()) {
        if (frame.on) typing.set(frame.user, { name: frame.name, untilMs: nowMs() + frame.ttlMs });
        else typing.delete(frame.user);
      }
    },
  };
}

function counted(count: number | undefined, by: number): number | undefined {
  return count === undefined ? undefined : Math.min(MOST_COUNTED, count + by);
}
