// Reads a channel's past as one line over two tiers: the hot log in Redis, then Postgres. Called by edge and api.
// What a reading may cost is bounded before it is done: by frames and bytes of each page, by looks into the log, and by
// gates for all readings of a process together. The pages themselves are made in forward-, backward- and replies-page.ts.
import { formatPosition, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { createActsReader } from "./acts-reader.ts";
import { createBackward } from "./backward-page.ts";
import { createColdReader } from "./cold-frames.ts";
import type { ColdFrames, ColdReader } from "./cold-frames.ts";
import type { RedisConnection } from "./connect.ts";
import { createFoldPage } from "./fold-page.ts";
import { createForward } from "./forward-page.ts";
import { createGate } from "./gate.ts";
import type { Keys } from "./keys.ts";
import { createKeptPages } from "./kept-pages.ts";
import { createLogReader } from "./log.ts";
import { createLogWalk } from "./log-walk.ts";
import type { ChannelHead } from "./channel-head.ts";
import type { BackwardPage, ForwardPage, PageWish } from "./page.ts";
import { createOwnMarks } from "./own-marks.ts";
import type { TellMine } from "./own-marks.ts";
import { createReading } from "./reading.ts";
import type { Reading } from "./reading.ts";
import { createReplies } from "./replies-page.ts";
import { createAskTogether } from "./same-question.ts";

/** One of the channels that are read together: what follows `after`, or without it the newest page. */
export interface JoinWish {
  readonly channel: string;
  readonly after?: Position | undefined;
  readonly followed?: Position | undefined;
}

/**
 * Pages hold at most `limit` frames and `maxBytes` bytes, but at least one frame. What a reading cost is added to the
 * caller's. `followed`: up to where the caller has followed the channel by its topic; whoever has followed it from its very
 * beginning to nowhere knows that it is empty, and Postgres is not asked. `record`: only what the stores have counts. A page is
 * then `recovered` where what follows the cursor does so in them, though a Redis that was lost since may have announced more, which
 * nobody has any longer; without it whoever goes on from the cursor is not told that nothing was missed. Throws ChatError
 * `unavailable`.
 */
export interface History {
  head(channel: string): Promise<ChannelHead>;
  /** Each by itself, in order; together at most one statement. */
  heads(channels: readonly string[]): Promise<ChannelHead>[];
  forward(
    channel: string,
    after: Position,
    limit: number,
    maxBytes: number,
    reading?: Reading,
    followed?: Position,
    record?: boolean,
  ): Promise<ForwardPage>;
  /** `before` is exclusive; without it the newest page. While Postgres is away, what the log holds, with `more`. */
  backward(
    channel: string,
    before: Position | undefined,
    limit: number,
    maxBytes: number,
    reading?: Reading,
    followed?: Position,
  ): Promise<BackwardPage>;
  /**
   * Only the answers to one message, by what the stores have. Throws `unavailable` when none is found and there is more that waits for Postgres
   * than is searched. Of a page that is not `recovered` nothing is told.
   */
  repliesAfter(
    replyTo: string,
    ...[channel, after, limit, maxBytes, reading]: Parameters<History["forward"]>
  ): Promise<ForwardPage>;
  repliesBefore(
    replyTo: string,
    ...[channel, before, limit, maxBytes, reading]: Parameters<History["backward"]>
  ): Promise<BackwardPage>;
  /**
   * The pages of several channels, each by itself, in order; together at most three statements. They share what a command
   * may read: with many channels a page holds less than `maxBytes`, at times nothing, and says `more`.
   */
  together(wishes: readonly JoinWish[], limit: number, maxBytes: number, reading?: Reading): Promise<ForwardPage>[];
  /** The page as one user is to be given it, who is told which reactions are the user's own. Nobody's until then. */
  mine: TellMine;
}

export interface HistoryOptions {
  /** For reads alone: what is published must never stand behind a page. */
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly cold: ColdFrames;
  /** Statements at once: as many as the pool of `cold` has connections. */
  readonly statements: number;
}

/** What one command reads of all its channels together, as frames. */
export const TOGETHER_BYTES = 512 * 1024;
/** The shortest frame there is: a page of so many bytes has no use for more entries. */
const LEAST_FRAME_BYTES = 128;

/** Answers of Redis that this process waits for, in bytes. */
const LOG_GATE = { capacity: 4 * 1024 * 1024, mostWaiting: 5_000, mostWaitMs: 2_000 };
const COLD_GATE = { mostWaiting: 2_000, mostWaitMs: 2_000 };

export function createHistory(options: HistoryOptions): History {
  const logGate = createGate(LOG_GATE);
  const log = createLogReader(options.connection, options.keys, logGate);
  const acts = createActsReader(options.connection, options.keys, logGate);
  const foldPage = createFoldPage(log, acts);
  const statements = createGate({ ...COLD_GATE, capacity: options.statements });
  const backward = createBackward(createLogWalk(log), foldPage);
  const forward = createForward(log, backward, acts);
  const replies = createReplies(log, foldPage);
  const mine = createOwnMarks({ ...options, statements });
  const kept = createKeptPages({ log });
  const askBackward = createAskTogether<BackwardPage>();
  const askForward = createAskTogether<ForwardPage>();
  const coldReader = (reading: Reading, tasks = 1): ColdReader =>
    createColdReader(options.cold, statements, reading, tasks);

  /** Tasks that run at once and gather what they ask of Postgres. */
  function atOnce<Wish, Answer>(
    wishes: readonly Wish[],
    reading: Reading,
    task: (wish: Wish, cold: ColdReader) => Promise<Answer>,
  ): Promise<Answer>[] {
    const cold = coldReader(reading, wishes.length);
    return wishes.map((wish) => task(wish, cold).finally(() => cold.done()));
  }

  async function headOf(channel: string, cold: ColdReader): Promise<ChannelHead> {
    return (await log.head(channel)) ?? cold.head(channel);
  }

  return {
    mine,
    head: (channel) => headOf(channel, coldReader(createReading())),
    heads: (channels) => atOnce(channels, createReading(), headOf),
    forward(channel, after, limit, maxBytes, reading = createReading(), followed?, record = false) {
      const wish = { channel, limit, maxBytes, atLeastOne: true };
      return askForward(`${questionOf(wish, after, followed)}|${record}`, reading, (shared) =>
        forward(wish, after, knowing(coldReader(shared), followed), shared, record),
      );
    },
    backward(channel, before, limit, maxBytes, reading = createReading(), followed?) {
      const wish = { channel, limit, maxBytes, atLeastOne: true };
      const question = questionOf(wish, before, followed);
      return askBackward(question, reading, async (shared) => {
        const read = () => backward(wish, before, knowing(coldReader(shared), followed), shared);
        if (before !== undefined) return read();
        if (isOrigin(followed) && (await log.head(channel)) === undefined) return nothing();
        return kept(question, wish, shared, read);
      });
    },
    repliesAfter: (replyTo, channel, after, limit, maxBytes, reading = createReading()) =>
      replies({ channel, limit, maxBytes, atLeastOne: true }, after, replyTo, coldReader(reading), reading),
    repliesBefore: (replyTo, channel, before, limit, maxBytes, reading = createReading()) =>
      backward({ channel, limit, maxBytes, atLeastOne: true }, before, coldReader(reading), reading, { replyTo }),
    together(wishes, limit, maxBytes, reading = createReading()) {
      const share = Math.min(maxBytes, Math.floor(TOGETHER_BYTES / Math.max(1, wishes.length)));
      const page = { limit: Math.min(limit, Math.ceil(share / LEAST_FRAME_BYTES)), maxBytes: share };
      return atOnce(wishes, reading, async ({ channel, after, followed }, gathered) => {
        const cold = knowing(gathered, followed);
        const wish = { channel, ...page, atLeastOne: share === maxBytes };
        if (after !== undefined) return forward(wish, after, cold, reading);
        return { ...(await backward(wish, undefined, cold, reading)), recovered: false };
      });
    },
  };
}

const EMPTY: ChannelHead = { position: ORIGIN, saved: ORIGIN };
/** Another one for each channel: what is made of a page is found by it. */
const nothing = (): BackwardPage => ({ frames: [], more: false, head: EMPTY });

/**
 * A channel that Redis does not hold has all that it ever had in Postgres, and nobody who follows it has heard of anything:
 * should that be for want of hearing, the follower finds the hole by itself, and tells what it heals.
 */
function knowing(cold: ColdReader, followed: Position | undefined): ColdReader {
  return isOrigin(followed) ? { ...cold, head: () => Promise.resolve(EMPTY) } : cold;
}

function isOrigin(followed: Position | undefined): boolean {
  return followed !== undefined && samePosition(followed, ORIGIN);
}

function questionOf({ channel, limit, maxBytes }: PageWish, from: Position | undefined, followed?: Position): string {
  return `${channel}|${limit}|${maxBytes}|${from === undefined ? "" : formatPosition(from)}|${isOrigin(followed)}`;
}
