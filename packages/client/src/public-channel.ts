/** A channel as an application holds it: types alone, and of this package alone. `channel-handle.ts` is what stands behind them. */
import type { RookeryError } from "./errors.ts";
import type {
  Accepted,
  ChannelPhase,
  Gap,
  Message,
  Meta,
  Mode,
  Pending,
  Person,
  Position,
  Right,
  Role,
  Sequenced,
} from "./public-types.ts";

export interface ChannelState {
  readonly phase: ChannelPhase;
  /** Ascending; the newest ten thousand and what `older()` brought since. One that was deleted keeps its position. */
  readonly messages: readonly Message[];
  /** This user's that are not in the channel yet, in the order in which they were sent. */
  readonly pending: readonly Pending[];
  /** Whether `older()` may bring more. */
  readonly hasOlder: boolean;
  /** Everything up to here is in Postgres, as far as this client was told. */
  readonly saved?: Position | undefined;
  readonly role?: Role | undefined;
  readonly can: readonly Right[];
  readonly mutedUntil?: number | undefined;
  readonly mode?: Mode | undefined;
  readonly online?: number | undefined;
  /** Those known by name: told since the join, or read by `members()`. */
  readonly present: readonly Person[];
  readonly typing: readonly Person[];
  readonly read?: Position | undefined;
  /** Up to 100; undefined while nobody can say. */
  readonly unread?: number | undefined;
  readonly mentions?: number | undefined;
}

export interface ChannelEvents {
  /** Something that `state()` shows is another; told once for all that came together. */
  change: ChannelState;
  /** Each thing that has a position, in order, and each gap. */
  event: Sequenced | Gap;
  /** Out of the channel for good, until it is asked for again. */
  out: RookeryError;
}

export interface ChannelOptions {
  /** Go on after this position: `{epoch: 0, seq: 0}` for everything from the beginning. Without it, from the newest page on. */
  readonly after?: Position;
  /** Go on where this user was, by the storage; a new user begins with the newest page. */
  readonly resume?: boolean;
  readonly password?: string;
}

export interface Abortable {
  readonly signal?: AbortSignal;
}

export interface SendOptions extends Abortable {
  /** A message's id. */
  readonly replyTo?: string;
  readonly meta?: Meta;
}

/** Resolves once the message stands in the channel; rejects with a `RookeryError`, or the reason of its `signal`. */
export interface Sent extends Promise<Accepted> {
  /** By which it is repeated and recognised. */
  readonly clientId: string;
  /** Resolves once Postgres has it; rejects where the send does, when it was lost, and when the client is closed before. */
  readonly persisted: Promise<Position>;
}

export interface HistoryQuery extends Abortable {
  /** One of both at most; the newest page without either. */
  readonly before?: Position;
  readonly after?: Position;
  readonly limit?: number;
  /** A message's id: only what answers it. */
  readonly replyTo?: string;
}

export interface Channel {
  readonly id: string;
  /** The same object until something changes. */
  readonly state: () => ChannelState;
  /** Answers how to stop it. */
  readonly on: <E extends keyof ChannelEvents>(event: E, hear: (value: ChannelEvents[E]) => void) => () => void;
  /** Resolves once it is joined and caught up; rejects with what keeps it from that for good. */
  readonly ready: (options?: Abortable) => Promise<void>;
  /** What is said from the call on, or after `after`: each message once and in order, and what could not be told as a gap. */
  readonly messages: (options?: Abortable) => AsyncIterableIterator<Message | Gap>;
  /** The same with edits, deletions and reactions. */
  readonly events: (options?: Abortable) => AsyncIterableIterator<Sequenced | Gap>;
  readonly send: (body: string, options?: SendOptions) => Sent;
  /** Takes a send that failed out of `state().pending`; false when it holds no such one. */
  readonly forget: (clientId: string) => boolean;
  readonly edit: (id: string, body: string, options?: Abortable) => Promise<Position>;
  readonly delete: (id: string, options?: Abortable) => Promise<Position>;
  readonly react: (id: string, emoji: string, on?: boolean, options?: Abortable) => Promise<Position>;
  /** Tells that this user types, or has stopped; may be called at every key. */
  readonly typing: (on?: boolean) => void;
  /** Everything up to here was read; without a position, everything that there is. */
  readonly read: (upTo?: Position, options?: Abortable) => Promise<void>;
  /** Brings a page from before what `state()` shows; resolves to whether there may be more. */
  readonly older: (options?: Abortable & { readonly limit?: number }) => Promise<boolean>;
  /** A page of the past that changes nothing here. */
  readonly history: (
    query?: HistoryQuery,
  ) => Promise<{ readonly messages: readonly Sequenced[]; readonly more: boolean }>;
  /** Who is present, all pages of it. */
  readonly members: (options?: Abortable) => Promise<readonly Person[]>;
  readonly leave: () => void;
}
