/**
 * What an application sees: types alone, and of this package alone, so that whoever installs it needs no other for them. That they fit the
 * protocol's frames is held by `public-types.test.ts`.
 */

/** Where a frame stands in its channel. Compared by epoch, then by seq. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

export type Meta = Readonly<Record<string, string | number | boolean>>;

export interface Person {
  readonly user: string;
  readonly name: string;
}

export interface Reaction {
  readonly emoji: string;
  readonly count: number;
  /** Whether this user is among them. */
  readonly mine: boolean;
}

/** A message as it was announced, or, from a page read backward, with what has happened to it since. */
export interface Message extends Position, Person {
  readonly type: "message";
  readonly channel: string;
  readonly id: string;
  readonly clientId: string;
  /** In ms since the Unix epoch, by the cluster's clock. */
  readonly at: number;
  /** Absent of a deleted message. */
  readonly body?: string;
  readonly replyTo?: string;
  readonly meta?: Meta;
  /** User ids. */
  readonly mentions?: readonly string[];
  readonly deleted?: true;
  readonly editedAt?: number;
  readonly reactions?: readonly Reaction[];
  /** How many messages answer it. */
  readonly replies?: number;
}

interface About extends Position {
  readonly channel: string;
  /** Of the message that it is about. */
  readonly id: string;
  readonly user: string;
  readonly at: number;
}

export type Edited = About & { readonly type: "edited"; readonly body?: string };
export type Deleted = About & { readonly type: "deleted" };
export type Reacted = About & { readonly type: "reaction"; readonly emoji: string; readonly on: boolean };

/** Everything that has a position in a channel. */
export type Sequenced = Message | Edited | Deleted | Reacted;

/**
 * What a stream does not hold: from one position to the other, both included. `lost`: nobody has it any more. Otherwise the
 * channel's state has it, or `older()` brings it.
 */
export interface Gap {
  readonly type: "gap";
  readonly channel: string;
  readonly from: Position;
  readonly to: Position;
  readonly lost: boolean;
}

/** Where a channel is: `live` is joined and caught up; nothing leads out of `out` but asking for the channel again. */
export type ChannelPhase = "away" | "joining" | "paging" | "live" | "out";
export type ConnectionState = "idle" | "token" | "opening" | "open" | "waiting" | "closed";
export type Mode = "full" | "digest" | "count";
export type Role = "owner" | "moderator" | "member" | "reader";
export type Right = "join" | "read" | "write" | "react" | "presence" | "history" | "moderate" | "own";

/** What a channel's order holds for a send that was accepted. */
export interface Accepted extends Position {
  readonly channel: string;
  readonly id: string;
  readonly clientId: string;
  readonly at: number;
}

/** One of this user's messages that is not in the channel. */
export interface Pending {
  readonly clientId: string;
  readonly channel: string;
  readonly body: string;
  readonly replyTo?: string;
  readonly meta?: Meta;
  readonly status: "sending" | "failed";
  readonly error?: Error | undefined;
}

/** Of the parts of Web Storage that are needed, so that `localStorage` is one. */
export interface Storage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}
