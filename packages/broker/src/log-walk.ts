// Walks the hot log from its newest entry towards its oldest, as far as every entry follows the one below it.
// Used by backward pages; what lies below the end of the walk is in Postgres. Must never step over a hole.
import { comparePositions, follows, parseMessageFrame, samePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { ChannelHead, StoredFrame } from "./history.ts";
import type { LogReader } from "./log.ts";

/** Entries asked for at once while only some of them are wanted. */
const CHUNK_ENTRIES = 256;

export interface WalkedLog {
  readonly head: ChannelHead | undefined;
  /** Wanted frames of type message, newest first. */
  readonly frames: StoredFrame[];
  /** The oldest entry looked at; absent when the log had nothing that continues from the cursor. */
  readonly end: Position | undefined;
  /** The walk met the first frame of the channel: there is nothing older anywhere. */
  readonly toTheBeginning: boolean;
}

/** `wanted` frames at most; only answers to `replyTo` where it is given. */
export type LogWalk = (
  channel: string,
  before: Position | undefined,
  wanted: number,
  replyTo?: string,
) => Promise<WalkedLog>;

/**
 * Stricter than the protocol's own rule: a frame of a later epoch without `prev` continues an empty channel only. In a
 * trimmed log the first frame at hand need not be the first of its epoch.
 */
export function continues(before: Position, frame: StoredFrame): boolean {
  if (frame.position.epoch !== before.epoch && frame.prev === undefined && frame.position.seq !== 1) return false;
  return follows(before, frame);
}

export function createLogWalk(log: LogReader): LogWalk {
  return async function walk(channel, before, wanted, replyTo) {
    const chunk = replyTo === undefined ? wanted + 1 : CHUNK_ENTRIES;
    const frames: StoredFrame[] = [];
    let head: ChannelHead | undefined;
    let newer: StoredFrame | undefined;
    let end: Position | undefined;
    for (let from = before; ; from = newer?.position) {
      const view = await log.downFrom(channel, from, chunk);
      head ??= view.head;
      for (const entry of view.frames) {
        // each further look starts with the entry at which the last one ended
        if (newer !== undefined && samePosition(entry.position, newer.position)) continue;
        if (before !== undefined && samePosition(entry.position, before)) {
          newer = entry;
          continue;
        }
        if (!(newer === undefined ? leads(entry, before, head) : continues(entry.position, newer))) {
          return { head, frames, end, toTheBeginning: isFirst(newer) };
        }
        newer = entry;
        end = entry.position;
        if (isWanted(entry, replyTo)) frames.push(entry);
        if (frames.length === wanted) return { head, frames, end, toTheBeginning: isFirst(newer) };
      }
      if (view.frames.length < chunk || newer === undefined)
        return { head, frames, end, toTheBeginning: isFirst(newer) };
    }
  };
}

/** May the walk begin with this entry: does it stand right before the cursor, or at the head when there is none? */
function leads(entry: StoredFrame, before: Position | undefined, head: ChannelHead | undefined): boolean {
  if (head === undefined) return false;
  if (before === undefined || comparePositions(before, head.position) > 0) {
    return comparePositions(entry.position, head.position) >= 0;
  }
  return entry.position.epoch === before.epoch && entry.position.seq === before.seq - 1;
}

function isFirst(frame: StoredFrame | undefined): boolean {
  return frame !== undefined && frame.position.seq === 1 && frame.prev === undefined;
}

function isWanted({ frame }: StoredFrame, replyTo: string | undefined): boolean {
  if (!frame.startsWith('{"type":"message"')) return false;
  // most frames do not even mention the id: parse only those that do
  return replyTo === undefined || (frame.includes(replyTo) && parseMessageFrame(frame).replyTo === replyTo);
}
