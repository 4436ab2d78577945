// The newest frames of a channel as far as the log holds them without a hole, for whoever keeps an eye on a channel's end: who
// wrote what when, and who is mentioned, without what they say. Called by edges that count what is unread. Bounded like every reading of the log; what lies below is in Postgres, or the
// answer says up to where Postgres has the channel.
import { comparePositions, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { ChannelHead } from "./channel-head.ts";
import type { RedisConnection } from "./connect.ts";
import { createGate } from "./gate.ts";
import type { Keys } from "./keys.ts";
import { createLogReader } from "./log.ts";
import type { LogEntry, LogReader, LogView } from "./log.ts";
import { CHUNK_ENTRIES, continues, MOST_ENTRIES } from "./log-walk.ts";
import { createReading } from "./reading.ts";

export interface NewestFrames {
  /** Undefined where Redis does not hold the channel: then there are no frames, and Postgres has all of it. */
  readonly head: ChannelHead | undefined;
  /**
   * Of every kind, ascending, of a message only `type`, `id`, `user` and `mentions`, of an edit only `type`; each follows the
   * one before, and the last one is the head's.
   */
  readonly frames: readonly StoredFrame[];
  /** What stands behind it is in `frames`. */
  readonly floor: Position;
  /** There is nothing up to the floor. */
  readonly isWhole: boolean;
}

/** Both throw ChatError `unavailable`. */
export interface Newest {
  /** Some hundreds, or as many as Postgres does not have: up to 2,048. `followed`: where the channel stands for the caller. */
  read(channel: string, followed: Position): Promise<NewestFrames>;
  /** What follows the position without a hole, as far as one look goes. */
  after(channel: string, position: Position): Promise<readonly StoredFrame[]>;
}

/** Answers of Redis that wait at any moment, in bytes: apart from those of pages. */
const GATE = { capacity: 2 * 1024 * 1024, mostWaiting: 5_000, mostWaitMs: 2_000 };
/** Most looks take a tenth of it: 256 messages by authors whose ids are short and who mention nobody. */
const LOOK_BYTES = 256 * 1024;

const LOOK = {
  ...{ frames: CHUNK_ENTRIES, bytes: LOOK_BYTES, atLeastOne: true },
  ...{ entries: CHUNK_ENTRIES, which: "bare" },
} as const;

export function createNewest({
  connection,
  keys,
}: {
  readonly connection: RedisConnection;
  readonly keys: Keys;
}): Newest {
  const log = createLogReader(connection, keys, createGate(GATE));
  return {
    read: (channel, followed) => walk(log, channel, followed),
    async after(channel, position) {
      const { entries } = await log.up({ ...LOOK, channel }, position, createReading());
      const frames: StoredFrame[] = [];
      let before = position;
      for (const { frame, ...entry } of entries) {
        if (frame === undefined || !continues(before, entry)) break;
        frames.push({ ...entry, frame });
        before = entry.position;
      }
      return frames;
    },
  };
}

async function walk(log: LogReader, channel: string, followed: Position): Promise<NewestFrames> {
  const reading = createReading();
  const first = await log.down({ ...LOOK, channel }, undefined, reading);
  const { head } = first;
  if (head === undefined) return { head, frames: [], floor: followed, isWhole: false };
  const found: LogEntry[] = [];
  for (let view = first, looked = 0; ;) {
    looked += view.entries.length;
    if (!goDown(found, view, head.position)) break;
    const oldest = found.at(-1);
    const isDeep = oldest !== undefined && comparePositions(oldest.position, head.saved) <= 0;
    if (view.ended === "end" || looked >= MOST_ENTRIES || (looked >= CHUNK_ENTRIES && isDeep)) break;
    view = await log.down({ ...LOOK, channel }, oldest?.position, reading);
  }
  return { head, frames: framesOf(found), ...floorOf(found.at(-1), head.position) };
}

/** Takes the entries that lead to the one above them, the first to the head; false where one does not. */
function goDown(found: LogEntry[], view: LogView, head: Position): boolean {
  for (const entry of view.entries) {
    const newer = found.at(-1);
    // A further look begins with the entry at which the last one ended; one that had no room comes again as well.
    if (newer !== undefined && samePosition(newer.position, entry.position)) continue;
    const leads = newer === undefined ? comparePositions(entry.position, head) >= 0 : continues(entry.position, newer);
    if (!leads) return false;
    if (entry.frame === undefined) return true;
    found.push(entry);
  }
  return true;
}

function framesOf(newestFirst: readonly LogEntry[]): StoredFrame[] {
  return newestFirst.toReversed().flatMap(({ frame, ...entry }) => (frame === undefined ? [] : [{ ...entry, frame }]));
}

function floorOf(oldest: LogEntry | undefined, head: Position): Pick<NewestFrames, "floor" | "isWhole"> {
  if (oldest === undefined) return { floor: head, isWhole: false };
  const { position, prev } = oldest;
  return {
    floor: prev ?? { epoch: position.epoch, seq: position.seq - 1 },
    isWhole: prev === undefined && position.seq === 1,
  };
}
