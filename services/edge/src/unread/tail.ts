// The end of one channel as far as it matters for what is unread: who wrote which of the newest messages, whom they mention,
// which are deleted. Anyone's count within it is a walk over it, a microsecond or two, and asks no store. Made by tails.ts
// from the log, and led on by what the channel's relay delivers. Pure.
// States of a message: in the tail, out of it (Postgres has it), deleted. What is led on is kept unread until somebody asks.

import type { FrameBytes, NewestFrames } from "@rookery/broker";
import { comparePositions, MAX_UNREAD, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Mention } from "@rookery/store";
import { endFrameOf } from "./end-frame.ts";

/** Messages that are kept although Postgres has them: two and a half times what is counted. */
const KEPT_MESSAGES = 256;
/** With those that it does not have. */
const MOST_MESSAGES = 2_048;
/** Frames that nobody asked about: beyond, the tail is given up, and read anew when somebody does. */
const MOST_PENDING = 256;
const MOST_PENDING_BYTES = 256 * 1024;
/** Mentions out of the tail that are known. */
const MOST_OLDER = 1_000;
/** Deletions of messages out of the tail that Postgres may not know yet. */
const MOST_GONE = 512;

/** In memory, roughly: a message, and a frame beside its bytes. */
const MESSAGE_BYTES = 200;
const PENDING_BYTES = 100;

interface TailMessage {
  readonly position: Position;
  readonly id: string;
  readonly author: string;
  readonly mentions: readonly string[];
  /** Where it was deleted; ORIGIN for one that came deleted. */
  deleted: Position | undefined;
}

interface Pending {
  readonly position: Position;
  readonly frame: FrameBytes;
}

/** How much is unread as far as the tail knows. */
export interface TailCount {
  readonly unread: number;
  readonly mentions: number;
  /** There may be more unread below the tail. */
  readonly isShort: boolean;
  /** There may be more mentions than those that are known. */
  readonly lacksMentions: boolean;
}

export class Tail {
  #head: Position;
  #floor: Position;
  #isWhole: boolean;
  #saved: Position;
  #messages: TailMessage[] = [];
  readonly #byId = new Map<string, TailMessage>();
  #pending: Pending[] = [];
  #pendingBytes = 0;
  readonly #gone = new Map<string, Position>();
  #older: Mention[] | undefined;
  /** Below it mentions are not known; undefined where all are. */
  #olderFrom: Position | undefined;
  #isOlderKnown = false;
  /** Deletions up to here are forgotten, though Postgres may not know them. */
  #blindTo = ORIGIN;

  constructor({ head, frames, floor, isWhole }: NewestFrames, followed: Position) {
    this.#floor = floor;
    this.#isWhole = isWhole;
    this.#saved = head?.saved ?? followed;
    this.#head = head?.position ?? followed;
    for (const { position, frame } of frames) this.#take(position, frame);
    this.#trim();
  }

  get head(): Position {
    return this.#pending.at(-1)?.position ?? this.#head;
  }

  /** Every message behind it is in the tail. */
  get floor(): Position {
    return this.#floor;
  }

  /** Of messages below the floor that are deleted, as far as Postgres may not know it. */
  get deletedBelow(): readonly string[] {
    return [...this.#gone.keys()];
  }

  get weight(): number {
    const messages = this.#messages.length + this.#gone.size + (this.#older?.length ?? 0);
    return messages * MESSAGE_BYTES + this.#pending.length * PENDING_BYTES + this.#pendingBytes;
  }

  /** False where the frame does not follow, or nobody has asked for long: the tail is to be read anew. */
  follow(position: Position, frame: FrameBytes): boolean {
    const last = this.head;
    if (comparePositions(position, last) <= 0) return position.epoch === last.epoch;
    // What an epoch begins with may take back what was told before.
    if (position.epoch !== last.epoch || position.seq !== last.seq + 1) return false;
    const kept = typeof frame === "string" ? frame : Uint8Array.from(frame);
    this.#pending.push({ position, frame: kept });
    this.#pendingBytes += kept.length;
    return this.#pending.length <= MOST_PENDING && this.#pendingBytes <= MOST_PENDING_BYTES;
  }

  /** Takes in what has come, and up to where Postgres has the channel. */
  settle(saved: Position): void {
    if (comparePositions(saved, this.#saved) > 0) this.#saved = saved;
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const { position, frame } of pending) this.#take(position, frame);
    this.#trim();
  }

  /** Whether Postgres has all that is below the tail, so that it can be asked for it. */
  get standsOnSaved(): boolean {
    const known = comparePositions(this.#floor, this.#blindTo) > 0 ? this.#floor : this.#blindTo;
    return this.#isWhole || comparePositions(known, this.#saved) <= 0;
  }

  /** To be called with all settled. */
  count(user: string, read: Position): TailCount {
    let unread = 0;
    let mentions = 0;
    for (let at = this.#messages.length - 1; at >= 0; at -= 1) {
      const message = this.#messages[at];
      if (message === undefined || comparePositions(message.position, read) <= 0) break;
      if (message.deleted !== undefined || message.author === user) continue;
      unread += 1;
      if (message.mentions.includes(user)) mentions += 1;
    }
    const reaches = this.#isWhole || comparePositions(read, this.#floor) >= 0;
    const knowsOlder = this.#isOlderKnown && comparePositions(read, this.#olderFrom ?? ORIGIN) >= 0;
    if (!reaches && knowsOlder) {
      for (const mention of this.#older ?? []) {
        if (mention.user === user && comparePositions(mention.position, read) > 0) mentions += 1;
      }
    }
    return {
      unread: Math.min(unread, MAX_UNREAD),
      mentions: Math.min(mentions, MAX_UNREAD),
      isShort: !reaches && unread < MAX_UNREAD,
      lacksMentions: !reaches && !knowsOlder && mentions < MAX_UNREAD,
    };
  }

  /** Mentions up to the floor are being asked for: those that leave the tail meanwhile are kept. Answers the floor. */
  expectOlder(): Position {
    this.#older ??= [];
    return this.#floor;
  }

  /** The newest mentions up to the floor that `expectOlder` answered, newest first; `isAll`: there are no more. */
  knowOlder(stored: readonly Mention[], isAll: boolean): void {
    if (this.#older === undefined) return;
    const alive = stored.filter(({ id }) => !this.#gone.has(id));
    this.#older = [...alive.toReversed(), ...this.#older];
    const oldest = stored.at(-1)?.position;
    // Of the oldest message perhaps not all its mentions were given.
    this.#olderFrom = isAll || oldest === undefined ? undefined : oldest;
    this.#isOlderKnown = true;
    this.#trimOlder();
  }

  #take(position: Position, frame: FrameBytes): void {
    if (comparePositions(position, this.#head) > 0) this.#head = position;
    const read = endFrameOf(frame);
    if (read === undefined) return;
    if (read.kind === "deleted") {
      this.#delete(read.id, position);
      return;
    }
    const deleted = read.isDeleted ? ORIGIN : undefined;
    const message = { position, id: read.id, author: read.user, mentions: read.mentions, deleted };
    this.#messages.push(message);
    this.#byId.set(read.id, message);
  }

  #delete(id: string, position: Position): void {
    const message = this.#byId.get(id);
    if (message !== undefined) {
      message.deleted = position;
      return;
    }
    this.#gone.set(id, position);
    if (this.#older !== undefined) this.#older = this.#older.filter((mention) => mention.id !== id);
  }

  #trim(): void {
    const must = this.#messages.length - MOST_MESSAGES;
    const may = this.#messages.length - KEPT_MESSAGES;
    let out = 0;
    for (let message = this.#messages[0]; message !== undefined && out < may; message = this.#messages[out]) {
      if (out >= must && comparePositions(message.position, this.#saved) > 0) break;
      this.#letGo(message);
      out += 1;
    }
    if (out > 0) this.#messages = this.#messages.slice(out);
    const over = this.#gone.size - MOST_GONE;
    let nth = 0;
    for (const [id, deleted] of this.#gone) {
      nth += 1;
      const isStored = comparePositions(deleted, this.#saved) <= 0;
      if (!isStored && nth <= over && comparePositions(deleted, this.#blindTo) > 0) this.#blindTo = deleted;
      if (isStored || nth <= over) this.#gone.delete(id);
    }
  }

  #letGo({ position, id, author, mentions, deleted }: TailMessage): void {
    this.#floor = position;
    this.#isWhole = false;
    this.#byId.delete(id);
    if (deleted !== undefined) {
      this.#gone.set(id, deleted);
      return;
    }
    for (const user of mentions) if (user !== author) this.#older?.push({ user, position, id });
    this.#trimOlder();
  }

  #trimOlder(): void {
    if (this.#older === undefined || this.#older.length <= MOST_OLDER) return;
    if (!this.#isOlderKnown) {
      // What is being asked for would not lead up to those that were left.
      this.#older = undefined;
      return;
    }
    const gone = this.#older.splice(0, this.#older.length - MOST_OLDER / 2);
    this.#olderFrom = gone.at(-1)?.position ?? this.#olderFrom;
  }
}
