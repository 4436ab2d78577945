// Reads a channel's past as one line over two tiers: the hot log in Redis, then Postgres. Called by edge and api.
// Must never call a page complete unless every frame in it follows the one before it, from the cursor on.
// Whatever the log no longer holds was confirmed by Postgres before it was trimmed: so the log is always read first.
import { ChatError, comparePositions, fitPage, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { createLogReader } from "./log.ts";
import type { LogReader } from "./log.ts";
import { continues, createLogWalk } from "./log-walk.ts";

/** One sequenced frame as finished JSON. `prev` stands only on the first frame of an epoch that follows another. */
export interface StoredFrame {
  readonly position: Position;
  readonly prev?: Position;
  readonly frame: string;
}

/** The past in Postgres. Every method rejects while Postgres is away. */
export interface ColdFrames {
  /** Ascending, frames of every kind. */
  after(channel: string, after: Position, limit: number): Promise<StoredFrame[]>;
  /** The newest `limit` before the position (of all without one), ascending, of kind message; answers to `replyTo` only. */
  before(channel: string, before: Position | undefined, limit: number, replyTo?: string): Promise<StoredFrame[]>;
  /** ORIGIN when there is none. */
  last(channel: string): Promise<Position>;
}

/** Where a channel stands, and up to where Postgres has confirmed it. ORIGIN for a channel without messages. */
export interface ChannelHead {
  readonly position: Position;
  readonly saved: Position;
}

/**
 * Ascending frames of every kind right after a cursor. `more`: there are further ones to page on to. Not `recovered`:
 * that nothing is missing cannot be shown, and `frames` is the newest backward page instead (`more`: there are older
 * ones). A later page may be the one that finds the hole.
 */
export interface ForwardPage {
  readonly frames: StoredFrame[];
  readonly more: boolean;
  readonly recovered: boolean;
  /** What the first frame beyond the cursor follows, where that lies before the cursor: the rest was taken back. */
  readonly stepsBackTo?: Position;
  readonly head: ChannelHead;
}

/** Ascending frames of type message, the newest that stand before a cursor. `more`: there are older ones. */
export interface BackwardPage {
  readonly frames: StoredFrame[];
  readonly more: boolean;
  readonly head: ChannelHead;
}

/** Pages hold at most `limit` frames and `maxBytes` bytes, but at least one frame. Throws ChatError `unavailable`. */
export interface History {
  head(channel: string): Promise<ChannelHead>;
  forward(channel: string, after: Position, limit: number, maxBytes: number): Promise<ForwardPage>;
  /** `before` is exclusive; without it the newest page. While Postgres is away, what the log holds, with `more`. */
  backward(
    channel: string,
    before: Position | undefined,
    limit: number,
    maxBytes: number,
    replyTo?: string,
  ): Promise<BackwardPage>;
}

export interface HistoryOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly cold: ColdFrames;
}

export function createHistory(options: HistoryOptions): History {
  const log = createLogReader(options.connection, options.keys);
  const cold = reachable(options.cold);
  const backward = createBackward(log, cold);
  return {
    async head(channel) {
      return (await log.head(channel)) ?? coldHead(cold, channel);
    },
    forward: createForward(log, cold, backward),
    backward,
  };
}

function createForward(log: LogReader, cold: ColdFrames, backward: History["backward"]): History["forward"] {
  /** What lies between the cursor and the log, from Postgres, and then the log. */
  async function bridge(channel: string, after: Position, hot: readonly StoredFrame[], count: number) {
    const stored = await cold.after(channel, after, count);
    const end = stored.at(-1)?.position ?? after;
    const rest = stored.length < count ? hot.filter((frame) => comparePositions(frame.position, end) > 0) : [];
    return [...stored, ...rest].slice(0, count);
  }

  return async function forward(channel, after, limit, maxBytes) {
    const view = await log.after(channel, after, limit + 1);
    const head = view.head ?? (await coldHead(cold, channel));
    const lost = async (next?: StoredFrame): Promise<ForwardPage> => ({
      ...(await backward(channel, undefined, limit, maxBytes)),
      recovered: false,
      ...(next?.prev !== undefined && comparePositions(next.prev, after) < 0 ? { stepsBackTo: next.prev } : {}),
    });
    // A Redis that was born later knows nothing of what an earlier one numbered and Postgres never got.
    const reaches = samePosition(after, ORIGIN) || (view.born !== undefined && after.epoch >= view.born);
    if (!reaches || comparePositions(after, head.position) > 0) return lost();

    const complete = (frames: readonly StoredFrame[]): boolean => {
      const [first] = frames;
      return first === undefined ? samePosition(after, head.position) : continues(after, first);
    };
    const frames = complete(view.frames) ? view.frames : await bridge(channel, after, view.frames, limit + 1);
    if (!complete(frames)) return lost(frames[0]);

    const sound = unbroken(after, frames);
    const page = fit(sound.slice(0, limit), maxBytes);
    const end = page.at(-1)?.position ?? after;
    return {
      frames: page,
      more: page.length < frames.length || comparePositions(end, head.position) < 0,
      recovered: true,
      head,
    };
  };
}

function createBackward(log: LogReader, cold: ColdFrames): History["backward"] {
  const walk = createLogWalk(log);
  return async function backward(channel, before, limit, maxBytes, replyTo) {
    const hot = await walk(channel, before, limit + 1, replyTo);
    const missing = limit + 1 - hot.frames.length;
    let older: StoredFrame[] = [];
    let away = false;
    if (missing > 0 && !hot.toTheBeginning) {
      older = await cold.before(channel, hot.end ?? before, missing, replyTo).catch((error: unknown) => {
        if (hot.frames.length === 0) throw error;
        away = true;
        return [];
      });
    }
    const newestFirst = [...hot.frames, ...older.toReversed()];
    const page = fit(newestFirst.slice(0, limit), maxBytes).toReversed();
    const head = hot.head ?? (await coldHead(cold, channel));
    return { frames: page, more: away || page.length < newestFirst.length, head };
  };
}

/** The leading frames that follow each other; a break further on is for the next page to judge. */
function unbroken(after: Position, frames: readonly StoredFrame[]): readonly StoredFrame[] {
  let before = after;
  for (const [index, frame] of frames.entries()) {
    if (!continues(before, frame)) return frames.slice(0, index);
    before = frame.position;
  }
  return frames;
}

function fit(frames: readonly StoredFrame[], maxBytes: number): StoredFrame[] {
  const count = fitPage(
    frames.map(({ frame }) => frame),
    maxBytes,
  );
  return frames.slice(0, count);
}

async function coldHead(cold: ColdFrames, channel: string): Promise<ChannelHead> {
  const last = await cold.last(channel);
  return { position: last, saved: last };
}

/** Whatever keeps Postgres from answering is `unavailable` to the reader. */
function reachable(cold: ColdFrames): ColdFrames {
  const unavailable = (error: unknown): never => {
    if (error instanceof ChatError) throw error;
    throw new ChatError("unavailable", "the history of this channel cannot be reached");
  };
  return {
    after: (...wanted) => cold.after(...wanted).catch(unavailable),
    before: (...wanted) => cold.before(...wanted).catch(unavailable),
    last: (...wanted) => cold.last(...wanted).catch(unavailable),
  };
}
