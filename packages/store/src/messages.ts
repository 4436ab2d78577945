// Reads the past of channels from Postgres as finished frames: one statement for any number of channels. Called by edge
// and api through the broker's history, and by the edge before it tells `persisted`. Never writes: save-batch.ts does.
import { ORIGIN } from "@rookery/protocol";
import type { Position, StoredFrame, StoredMessage } from "@rookery/protocol";
import { arrayLiteral } from "./array-literal.ts";
import type { Parameter, Store } from "./connect.ts";
import { renderRow } from "./message-row.ts";
import type { MessageRow } from "./message-row.ts";
import { loadStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";
import { renderSince, toStoredMessage } from "./stored-message.ts";
import type { FoundRow, SinceRow } from "./stored-message.ts";

/** A part of one channel: from a position on, exclusive; without one from its end. */
export interface Stretch {
  readonly channel: string;
  readonly from: Position | undefined;
  /** Most frames. */
  readonly most: number;
  /** The frame with which the sizes reach this is the last. Counted without what a frame has around its text and `meta`. */
  readonly bytes: number;
  /** Of messages read backward: answers to them are counted up to here, exclusive; all that there are without it. */
  readonly answers?: Position | undefined;
}

/** A message and where it should stand. */
export interface Placed {
  readonly channel: string;
  readonly position: Position;
  readonly id: string;
}

/** A user's last word on an emoji of a message. */
export interface OwnWord {
  readonly id: string;
  readonly user: string;
  readonly emoji: string;
  readonly on: boolean;
}

/**
 * Every method is one statement and throws ChatError `unavailable` while Postgres is away. A message has its newest text;
 * only what is read of kind message alone says what else has happened to it, as `since`.
 */
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
  /** One message by its id, with what `user` has said of each emoji. */
  find(channel: string, id: string, user: string): Promise<StoredMessage | undefined>;
  /** The last words of these users on the emoji of these messages. */
  ownReactions(channel: string, ids: readonly string[], users: readonly string[]): Promise<OwnWord[]>;
  /** How many answers that were not deleted each has before `end`, of those that have any; counted up to 1,000. */
  repliesCount(channel: string, ids: readonly string[], end?: Position): Promise<Map<string, number>>;
}

const AFTER = loadStatement("messages-after");
const BEFORE = loadStatement("messages-before");
const REPLIES_AFTER = loadStatement("messages-replies-after");
const REPLIES_BEFORE = loadStatement("messages-replies-before");
const LAST = loadStatement("messages-last");
const HOLDS = loadStatement("messages-holds");
const FIND = loadStatement("message-find");
const OWN_REACTIONS = loadStatement("reactions-own");
const REPLIES_COUNT = loadStatement("replies-count");

/** Stands after every position there can be. */
const END: Position = { epoch: Number.MAX_SAFE_INTEGER, seq: Number.MAX_SAFE_INTEGER };

export function createMessages(store: Store): Messages {
  const read = <Row extends object>(statement: Statement, parameters: Parameter[]): Promise<Row[]> =>
    store.read<Row>("the history", statement, parameters);

  async function stretchesAfter(stretches: readonly Stretch[]): Promise<StoredFrame[][]> {
    return byStretch(stretches, await read<StretchRow>(AFTER, columnsOf(stretches)), renderRow);
  }

  async function stretchesBefore(stretches: readonly Stretch[]): Promise<StoredFrame[][]> {
    const columns = [...columnsOf(stretches), ...positionsOf(stretches.map(({ answers }) => answers))];
    return byStretch(stretches, await read<SinceRow & StretchRow>(BEFORE, columns), renderSince);
  }

  async function repliesOf(statement: Statement, stretch: Stretch, replyTo: string): Promise<StoredFrame[]> {
    const { channel, from = END, most, bytes, answers = END } = stretch;
    const where = [channel, from.epoch, from.seq, most, replyTo, bytes, answers.epoch, answers.seq];
    const rows = await read<SinceRow>(statement, where);
    return rows.map(renderSince);
  }

  async function lasts(channels: readonly string[]): Promise<Position[]> {
    const rows = await read<Position & { channel: string }>(LAST, [arrayLiteral(channels)]);
    const found = new Map(rows.map(({ channel, epoch, seq }) => [channel, { epoch, seq }]));
    return channels.map((channel) => found.get(channel) ?? ORIGIN);
  }

  return {
    stretchesAfter,
    stretchesBefore,
    after: async (channel, from, most) =>
      (await stretchesAfter([{ channel, from, most, bytes: Number.MAX_SAFE_INTEGER }]))[0] ?? [],
    repliesAfter: (stretch, replyTo) => repliesOf(REPLIES_AFTER, stretch, replyTo),
    repliesBefore: (stretch, replyTo) => repliesOf(REPLIES_BEFORE, stretch, replyTo),
    lasts,
    last: async (channel) => (await lasts([channel]))[0] ?? ORIGIN,
    async holds(messages) {
      const rows = await read<{ index: number }>(HOLDS, [
        arrayLiteral(messages.map(({ channel }) => channel)),
        arrayLiteral(messages.map(({ position }) => position.epoch)),
        arrayLiteral(messages.map(({ position }) => position.seq)),
        arrayLiteral(messages.map(({ id }) => id)),
      ]);
      const held = new Set(rows.map(({ index }) => index));
      return messages.map((_, index) => held.has(index));
    },
    async find(channel, id, user) {
      const [row] = await read<FoundRow>(FIND, [channel, id, user]);
      return row === undefined ? undefined : toStoredMessage(row);
    },
    ownReactions: (channel, ids, users) =>
      read<OwnWord>(OWN_REACTIONS, [channel, arrayLiteral(ids), arrayLiteral(users)]),
    async repliesCount(channel, ids, { epoch, seq } = END) {
      const asked = [channel, arrayLiteral(ids), epoch, seq];
      const rows = await read<{ id: string; count: number }>(REPLIES_COUNT, asked);
      return new Map(rows.map(({ id, count }) => [id, count]));
    },
  };
}

/** `stretch` counts from 1. */
type StretchRow = MessageRow & { readonly stretch: number };

function byStretch<Row extends StretchRow>(
  stretches: readonly Stretch[],
  rows: readonly Row[],
  render: (row: Row) => StoredFrame,
): StoredFrame[][] {
  const found = stretches.map((): StoredFrame[] => []);
  for (const row of rows) found[row.stretch - 1]?.push(render(row));
  return found;
}

function columnsOf(stretches: readonly Stretch[]): Parameter[] {
  return [
    arrayLiteral(stretches.map(({ channel }) => channel)),
    ...positionsOf(stretches.map(({ from }) => from)),
    arrayLiteral(stretches.map(({ most }) => most)),
    arrayLiteral(stretches.map(({ bytes }) => bytes)),
  ];
}

/** A column of epochs and one of seqs; the end for what is absent. */
function positionsOf(positions: readonly (Position | undefined)[]): Parameter[] {
  return [
    arrayLiteral(positions.map((position = END) => position.epoch)),
    arrayLiteral(positions.map((position = END) => position.seq)),
  ];
}
