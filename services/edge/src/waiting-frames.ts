// Frames on their way to the native topics that may not go yet, in order, and how much memory they hold. Owned by the outlet.
// It decides nothing about when they go.
// States: empty; waiting.

import type { FrameBytes } from "@rookery/broker";
import type { Stand } from "./lanes/missed.ts";
import type { Session } from "./session.ts";

export interface WaitingFrame {
  readonly topic: string;
  readonly frame: FrameBytes;
  /** Who must not get it. */
  readonly except: Session | undefined;
  readonly stand: Stand | undefined;
}

export interface WaitingFrames {
  readonly count: number;
  /**
   * What the frames keep alive: a frame from Redis is a view of the receive buffer that it came in, and holds all of that.
   * A buffer is let go of once a frame of another one has been taken.
   */
  readonly heldBytes: number;
  add(waiting: WaitingFrame): void;
  takeFirst(): WaitingFrame | undefined;
  clear(): void;
}

interface Link extends WaitingFrame {
  /** 0 where it shares the buffer of the frame before it. */
  readonly broughtBytes: number;
  next: Link | undefined;
}

export function createWaitingFrames(): WaitingFrames {
  let first: Link | undefined;
  let last: Link | undefined;
  let count = 0;
  let heldBytes = 0;
  /** Brought by a frame that was taken, and perhaps still held by those behind it. */
  let sharedBytes = 0;

  function bytesBroughtBy(frame: FrameBytes): number {
    if (typeof frame === "string") return frame.length;
    const before = last?.frame;
    return typeof before === "object" && before.buffer === frame.buffer ? 0 : frame.buffer.byteLength;
  }

  function clear(): void {
    first = undefined;
    last = undefined;
    count = 0;
    heldBytes = 0;
    sharedBytes = 0;
  }

  return {
    clear,
    get count() {
      return count;
    },
    get heldBytes() {
      return heldBytes;
    },
    add({ topic, frame, except, stand }) {
      const link: Link = { topic, frame, except, stand, broughtBytes: bytesBroughtBy(frame), next: undefined };
      if (last === undefined) first = link;
      else last.next = link;
      last = link;
      count += 1;
      heldBytes += link.broughtBytes;
    },
    takeFirst() {
      const link = first;
      if (link === undefined) return undefined;
      first = link.next;
      count -= 1;
      if (first === undefined) clear();
      else if (link.broughtBytes > 0) {
        heldBytes -= sharedBytes;
        sharedBytes = link.broughtBytes;
      }
      return link;
    },
  };
}
