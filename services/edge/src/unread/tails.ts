// The tails of channels that somebody asked about: read from the log when first asked for, led on by what relays deliver, read
// anew after a hole, and forgotten, those first that were asked about longest ago, when all together are too much. Made by
// unread.ts. A channel without a tail costs a delivered frame one look into a map.
// States of a channel: none, loading (what is delivered meanwhile is kept), there.

import type { ChannelHead, FrameBytes, Newest } from "@rookery/broker";
import { comparePositions } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { Tail } from "./tail.ts";

/** Of all tails: some two hundred of the fullest, or thousands of small ones. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_EARLY = 1_000;

export interface TailsOptions {
  readonly newest: Newest;
  readonly mostBytes?: number;
}

export interface Tails {
  /**
   * One that reaches up to the head, with all settled: to be counted by in the same turn. `followed`: where the channel stands
   * for this edge. Throws ChatError `unavailable`.
   */
  get(channel: string, head: ChannelHead | undefined, followed: Position): Promise<Tail>;
  /** What the channel's relay has delivered, in order. */
  follow(this: void, channel: string, frame: FrameBytes, position: Position): void;
  /** How many there are, and what they take, roughly, in bytes. */
  size(this: void): { readonly tails: number; readonly bytes: number };
}

interface Kept {
  readonly tail: Tail;
  weight: number;
}

interface Loading {
  readonly early: { readonly frame: FrameBytes; readonly position: Position }[];
  isOverfull: boolean;
  readonly loaded: Promise<Tail>;
}

export function createTails({ newest, mostBytes = MOST_BYTES }: TailsOptions): Tails {
  /** Those asked about longest ago come first. */
  const kept = new Map<string, Kept>();
  const loading = new Map<string, Loading>();
  const catching = new Map<string, Promise<void>>();
  let bytes = 0;

  function forget(channel: string): void {
    bytes -= kept.get(channel)?.weight ?? 0;
    kept.delete(channel);
  }

  function weigh(one: Kept): void {
    const weight = one.tail.weight;
    bytes += weight - one.weight;
    one.weight = weight;
  }

  function makeRoom(): void {
    for (const channel of kept.keys()) {
      if (bytes <= mostBytes) return;
      forget(channel);
    }
  }

  function lead(channel: string, one: Kept, frame: FrameBytes, position: Position): void {
    const isKept = one.tail.follow(position, frame);
    if (isKept) weigh(one);
    else forget(channel);
  }

  async function load(channel: string, followed: Position, own: Pick<Loading, "early">): Promise<Tail> {
    const tail = new Tail(await newest.read(channel, followed), followed);
    const one = { tail, weight: 0 };
    forget(channel);
    kept.set(channel, one);
    weigh(one);
    for (const { frame, position } of own.early) if (kept.get(channel) === one) lead(channel, one, frame, position);
    return tail;
  }

  function loadOnce(channel: string, followed: Position): Promise<Tail> {
    const under = loading.get(channel);
    if (under !== undefined) return under.loaded;
    const early: Loading["early"] = [];
    const loaded = load(channel, followed, { early }).finally(() => {
      if (loading.get(channel)?.isOverfull === true) forget(channel);
      loading.delete(channel);
    });
    loading.set(channel, { early, isOverfull: false, loaded });
    return loaded;
  }

  /** Reads what the relay has not delivered yet: a crowd that is ahead of it reads once. */
  function catchUp(channel: string, one: Kept): Promise<void> {
    const under = catching.get(channel);
    if (under !== undefined) return under;
    const caught = newest
      .after(channel, one.tail.head)
      .then((frames) => {
        for (const { frame, position } of frames) {
          if (kept.get(channel) === one) lead(channel, one, frame, position);
        }
      })
      .finally(() => catching.delete(channel));
    catching.set(channel, caught);
    return caught;
  }

  /** The tail, where it is one to count by. */
  function settled(channel: string, head: ChannelHead | undefined, followed: Position): Tail | undefined {
    const one = kept.get(channel);
    if (one === undefined) return undefined;
    one.tail.settle(head?.saved ?? followed);
    kept.delete(channel);
    kept.set(channel, one);
    weigh(one);
    if (comparePositions(one.tail.head, head?.position ?? followed) < 0) {
      forget(channel);
      return undefined;
    }
    makeRoom();
    return one.tail;
  }

  return {
    async get(channel, head, followed) {
      const one = kept.get(channel);
      const wanted = head?.position ?? followed;
      if (one !== undefined && head !== undefined && comparePositions(one.tail.head, wanted) < 0) {
        await catchUp(channel, one);
      }
      const known = settled(channel, head, followed);
      if (known !== undefined) return known;
      const loaded = await loadOnce(channel, followed);
      loaded.settle(head?.saved ?? followed);
      return settled(channel, head, followed) ?? loaded;
    },
    follow(channel, frame, position) {
      const one = kept.get(channel);
      if (one !== undefined) lead(channel, one, frame, position);
      const under = loading.get(channel);
      if (under === undefined) return;
      if (under.early.length < MOST_EARLY) {
        under.early.push({ position, frame: typeof frame === "string" ? frame : Uint8Array.from(frame) });
      } else under.isOverfull = true;
    },
    size: () => ({ tails: kept.size, bytes }),
  };
}
