/**
 * A sequenced frame as both stores keep it and every page of the past hands it on: its position and its finished text; and
 * what one store tells the other of a message. Types only.
 */
import type { Position } from "./position.ts";

/** One sequenced frame as finished JSON. `prev` stands only on the first frame of an epoch that follows another. */
export interface StoredFrame {
  readonly position: Position;
  readonly prev?: Position;
  readonly frame: string;
  /** Of a message in a backward page, where anything did: the frame itself does not tell it. */
  readonly since?: Since;
}

/** What has happened to a message since it was sent, as far as whoever tells it knows. */
export interface Since {
  readonly id: string;
  /** The newest edit: `at` in ms since the Unix epoch. */
  readonly edited?: { readonly position: Position; readonly at: number; readonly body: string };
  readonly deleted?: boolean;
  /** How many have each emoji standing, in the order in which they were first put; none that has no one. */
  readonly reactions?: readonly EmojiCount[];
  /** Messages that answer it. */
  readonly replies?: number;
}

/** How many have an emoji standing on a message. */
export interface EmojiCount {
  readonly emoji: string;
  readonly count: number;
}

/** A user's last word on an emoji of a message. */
export interface OwnReaction {
  readonly emoji: string;
  readonly on: boolean;
  readonly position: Position;
}

/** A message as Postgres has it, with what has happened to it, as whoever changes it has to know. */
export interface StoredMessage {
  readonly position: Position;
  readonly user: string;
  readonly clientId: string;
  readonly name: string;
  readonly at: number;
  readonly replyTo?: string;
  /** As it stands, absent of a deleted one. */
  readonly body?: string;
  /** Where it was deleted; its own position where it never could be stored. */
  readonly deleted?: Position;
  /** Where it was edited last. */
  readonly edited?: Position;
  /** In the order in which they were first put. */
  readonly reactions: readonly EmojiCount[];
  /** Of the user who asks: the last word on each emoji. */
  readonly own: readonly OwnReaction[];
}
