// Walks the hot log from its newest entry towards its oldest, as far as every entry follows the one below it.
// Used by backward pages; what lies below the end of the walk is in Postgres. Must never step over a hole, and never look
// at more entries than it may: the log holds all that Postgres does not have yet, however much that is.
import { comparePositions, follows, samePosition } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import { bytesOf } from "./log.ts";
import type { LogEntry, LogReader, LogView } from "./log.ts";
import type { ChannelHead } from "./channel-head.ts";
import type { PageWish } from "./page.ts";
import type { Reading } from "./reading.ts";

/** Entries of one look while only some of them are wanted: a good millisecond of Redis at most. */
export const CHUNK_ENTRIES = 256;
/** Entries that one command looks at, beyond those it gives. Eight looks; twice what the log keeps of what is saved. */
export const MOST_ENTRIES = 2_048;

export interface WalkedLog {
  readonly head: ChannelHead | undefined;
  /** Wanted frames of type message, newest first. */
  readonly frames: readonly StoredFrame[];
  /** The oldest entry looked at; absent when the log had nothing that continues from the cursor. */
  readonly end: Position | undefined;
  /**
   * beginning: met the first frame of the channel, there is nothing older anywhere. below: what is older is in Postgres.
   * more: the log has another wanted one. tired: has looked at all the entries it may.
   */
  readonly ended: "beginning" | "below" | "more" | "tired";
}

/** `wish.limit` frames at most; messages, or only answers to one. */
export type LogWalk = (
  wish: PageWish,
  before: Position | undefined,
  reading: Reading,
  replyTo?: string,
) => Promise<WalkedLog>;

/**
 * Stricter than the protocol's own rule: a frame of a later epoch without `prev` continues an empty channel only. In a
 * trimmed log the first frame at hand need not be the first of its epoch.
 */
export function continues(before: Position, frame: LogEntry): boolean {
  if (frame.position.epoch !== before.epoch && frame.prev === undefined && frame.position.seq !== 1) return false;
  return follows(before, frame);
}

/** How far a walk has come. `newer` is the entry that the next one has to lead to. */
interface Way {
  head: ChannelHead | undefined;
  newer: LogEntry | undefined;
  end: Position | undefined;
  readonly frames: StoredFrame[];
}

export function createLogWalk(log: LogReader): LogWalk {
  return async function walk({ channel, limit, maxBytes, atLeastOne }, before, reading, replyTo) {
    const way: Way = { head: undefined, newer: undefined, end: undefined, frames: [] };
    const ends = (ended: WalkedLog["ended"]): WalkedLog => ({
      head: way.head,
      frames: way.frames,
      end: way.end,
      ended: ended === "below" && isFirst(way.newer) ? "beginning" : ended,
    });
    // with the cursor's own entry, and the one that shows that there are more
    const atOnce = Math.max(CHUNK_ENTRIES, limit + 2);
    const most = Math.max(MOST_ENTRIES, atOnce);
    let bytes = maxBytes;
    for (let looked = 0; ;) {
      const given = way.frames.length;
      const look = {
        channel,
        frames: limit - given,
        bytes,
        atLeastOne: atLeastOne && given === 0,
        entries: Math.min(atOnce, most - looked),
        which: replyTo ?? "message",
      };
      const view = await log.down(look, way.newer?.position ?? before, reading);
      looked += view.entries.length;
      if (!goDown(way, view, before)) return ends("below");
      if (view.ended === "end") return ends("below");
      if (view.ended !== "looked") return ends("more");
      if (looked >= most) return ends("tired");
      bytes -= way.frames.slice(given).reduce((sum, frame) => sum + bytesOf(frame) + 1, 0);
    }
  };
}

/** Takes the entries of one look as far as each leads to the one above it; false at a hole. */
function goDown(way: Way, view: LogView, before: Position | undefined): boolean {
  way.head ??= view.head;
  for (const entry of view.entries) {
    // each further look starts with the entry at which the last one ended
    if (way.newer !== undefined && samePosition(entry.position, way.newer.position)) continue;
    if (before !== undefined && samePosition(entry.position, before)) {
      way.newer = entry;
      continue;
    }
    if (!(way.newer === undefined ? leads(entry, before, way.head) : continues(entry.position, way.newer)))
      return false;
    way.newer = entry;
    way.end = entry.position;
    const { frame } = entry;
    if (frame !== undefined) way.frames.push({ ...entry, frame });
  }
  return true;
}

/** May the walk begin with this entry: does it stand right before the cursor, or at the head when there is none? */
function leads(entry: LogEntry, before: Position | undefined, head: ChannelHead | undefined): boolean {
  if (head === undefined) return false;
  if (before === undefined || comparePositions(before, head.position) > 0) {
    return comparePositions(entry.position, head.position) >= 0;
  }
  return entry.position.epoch === before.epoch && entry.position.seq === before.seq - 1;
}

function isFirst(entry: LogEntry | undefined): boolean {
  return entry !== undefined && entry.position.seq === 1 && entry.prev === undefined;
}
