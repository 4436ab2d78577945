// Reads the past of channels from Postgres as finished frames: one statement for any number of channels. Called by edge
// and api through the broker's history, and by the edge before it tells `persisted`. Never writes: save-batch.ts does.
import { ORIGIN } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { arrayLiteral } from "./array-literal.ts";
import type { Parameter, Store } from "./connect.ts";
import { renderRow } from "./message-row.ts";
import type { MessageRow } from "./message-row.ts";
import { loadStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** A part of one channel: from a position on, exclusive; without one from its end. */
export interface Stretch {
  readonly channel: string;
  readonly from: Position | undefined;
  /** Most frames. */
  readonly most: number;
  /** The frame with which the sizes reach this is the last. Counted without what a frame has around its text and `meta`. */
  readonly bytes: number;
}

/** A message and where it should stand. */
export interface Placed {
  readonly channel: string;
  readonly position: Position;
  readonly id: string;
}

/** Every method is one statement and throws ChatError `unavailable` while Postgres is away. */
export interface Messages {
  /** For each stretch, in order, frames of every kind right after its position, ascending. */
  stretchesAfter(stretches: readonly Stretch[]): Promise<StoredFrame[][]>;
  /** For each stretch, in order, the newest of kind message before its position, newest first. */
  stretchesBefore(stretches: readonly Stretch[]): Promise<StoredFrame[][]>;
  /** Frames of every kind right after a position of one channel, ascending, however large. */
  after(channel: string, from: Position, most: number): Promise<StoredFrame[]>;
  /** The first answers to `replyTo` after the position, ascending. */
  repliesAfter(stretch: Stretch, replyTo: string): Promise<StoredFrame[]>;
  /** The newest answers to `replyTo` before the position, newest first. */
  repliesBefore(stretch: Stretch, replyTo: string): Promise<StoredFrame[]>;
  /** Where each channel ends, in order; ORIGIN for one that has nothing. */
  lasts(channels: readonly string[]): Promise<Position[]>;
  /** The same of one channel. */
  last(channel: string): Promise<Position>;
  /** For each, in order, whether this message is saved at this position. */
  holds(messages: readonly Placed[]): Promise<boolean[]>;
}

const AFTER = loadStatement("messages-after");
const BEFORE = loadStatement("messages-before");
const REPLIES_AFTER = loadStatement("messages-replies-after");
const REPLIES_BEFORE = loadStatement("messages-replies-before");
const LAST = loadStatement("messages-last");
const HOLDS = loadStatement("messages-holds");

/** Stands after every position there can be. */
const END: Position = { epoch: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

export function createMessages(store: Store): Messages {
  async function stretchesOf(statement: Statement, stretches: readonly Stretch[]): Promise<StoredFrame[][]> {
    const found = stretches.map((): StoredFrame[] => []);
    for (const row of await store.read<StretchRow>("the history", statement, columnsOf(stretches)))
      found[row.stretch - 1]?.push(renderRow(row));
    return found;
  }

  async function repliesOf(statement: Statement, stretch: Stretch, replyTo: string): Promise<StoredFrame[]> {
    const { channel, from = END, most, bytes } = stretch;
    const rows = await store.read<MessageRow>("the history", statement, [
      channel,
      from.epoch,
      from.seq,
      most,
      replyTo,
      bytes,
    ]);
    return rows.map(renderRow);
  }

  async function lasts(channels: readonly string[]): Promise<Position[]> {
    const rows = await store.read<Position & { channel: string }>("the history", LAST, [arrayLiteral(channels)]);
    const found = new Map(rows.map(({ channel, epoch, seq }) => [channel, { epoch, seq }]));
    return channels.map((channel) => found.get(channel) ?? ORIGIN);
  }

  return {
    stretchesAfter: (stretches) => stretchesOf(AFTER, stretches),
    stretchesBefore: (stretches) => stretchesOf(BEFORE, stretches),
    after: async (channel, from, most) =>
      (await stretchesOf(AFTER, [{ channel, from, most, bytes: Number.MAX_SAFE_INTEGER }]))[0] ?? [],
    repliesAfter: (stretch, replyTo) => repliesOf(REPLIES_AFTER, stretch, replyTo),
    repliesBefore: (stretch, replyTo) => repliesOf(REPLIES_BEFORE, stretch, replyTo),
    lasts,
    last: async (channel) => (await lasts([channel]))[0] ?? ORIGIN,
    async holds(messages) {
      const rows = await store.read<{ index: number }>("the history", HOLDS, [
        arrayLiteral(messages.map(({ channel }) => channel)),
        arrayLiteral(messages.map(({ position }) => position.epoch)),
        arrayLiteral(messages.map(({ position }) => position.seq)),
        arrayLiteral(messages.map(({ id }) => id)),
      ]);
      const held = new Set(rows.map(({ index }) => index));
      return messages.map((_, index) => held.has(index));
    },
  };
}

/** `stretch` counts from 1. */
type StretchRow = MessageRow & { readonly stretch: number };

function columnsOf(stretches: readonly Stretch[]): Parameter[] {
  const froms = stretches.map(({ from }) => from ?? END);
  return [
    arrayLiteral(stretches.map(({ channel }) => channel)),
    arrayLiteral(froms.map(({ epoch }) => epoch)),
    arrayLiteral(froms.map(({ seq }) => seq)),
    arrayLiteral(stretches.map(({ most }) => most)),
    arrayLiteral(stretches.map(({ bytes }) => bytes)),
  ];
}
