// Counts what leaves for clients: every frame by its type, how many sockets a channel's frame goes to, and how old it is by then.
// Made by main, which puts it around what relays, signals and sessions hand frames to. It reads the first bytes of a frame and
// now and then its time; it must never hold a frame up, change or keep one.

import type { FrameBytes } from "@rookery/broker";
import { SERVER_FRAMES } from "@rookery/protocol";
import type { ServerFrameType } from "@rookery/protocol";
import type { PlainCount, PlainHistogram } from "@rookery/runtime";
import type { FanOut } from "./fan-out.ts";
import type { RelayOutlet } from "./relay.ts";

export interface FramesOutOptions {
  readonly counts: Readonly<Record<ServerFrameType, PlainCount>>;
  /** Sockets of one channel's frame. */
  readonly sockets: PlainHistogram;
  /** From a frame's time to its hand-over; of one in twenty milliseconds. */
  readonly ageSeconds: PlainHistogram;
  /** Frames times sockets, as the fan-out adds them up: it knows who is given less than others. */
  readonly deliveries: Readonly<PlainCount>;
  membersIn(this: void, channel: string): number;
  /** Redis' clock, by which frames are dated. */
  redisNowMs(this: void): number;
}

export interface FramesOut {
  /** A frame for one socket. */
  told(this: void, frame: string): void;
  around(outlet: RelayOutlet): RelayOutlet;
  signal: (signal: FanOut["signal"]) => FanOut["signal"];
}

const SAMPLE_EVERY_MS = 20;
/** Every frame begins with `{"type":"`; of the four characters behind it no two types have the same. */
const TYPE_AT = 9;
const QUOTE = 0x22;
/** Behind type, channel, epoch and seq. */
const TIME_WITHIN = 256;
const TIME = /^\{"type":"\w+","channel":"[^"]+","epoch":\d+,"seq":\d+,"at":(\d+)/;

export function createFramesOut(options: FramesOutOptions): FramesOut {
  const { counts, sockets, ageSeconds, deliveries, membersIn, redisNowMs } = options;
  const byMark = new Map(typesOf(counts).map((type): [number, PlainCount] => [markOf(`${type}"`, 0), counts[type]]));
  let sampledAtMs = Number.NEGATIVE_INFINITY;

  function count(frame: FrameBytes, times: number): void {
    const known = byMark.get(markOf(frame, TYPE_AT));
    if (known !== undefined) known.n += times;
  }

  function sampleAge(frame: FrameBytes): void {
    const nowMs = performance.now();
    if (nowMs - sampledAtMs < SAMPLE_EVERY_MS) return;
    sampledAtMs = nowMs;
    const [, at] = TIME.exec(startOf(frame)) ?? [];
    if (at !== undefined) ageSeconds.observe(Math.max(0, redisNowMs() - Number(at)) / 1000);
  }

  /** Counts by what `deliver` adds to the deliveries. */
  function counted(frame: FrameBytes, deliver: () => void): void {
    const before = deliveries.n;
    deliver();
    const reached = deliveries.n - before;
    count(frame, reached);
    sockets.observe(reached);
  }

  return {
    told: (frame) => count(frame, 1),
    around: (outlet) => ({
      publish(channel, frame, position) {
        counted(frame, () => outlet.publish(channel, frame, position));
        sampleAge(frame);
      },
      gap(channel, from, to, lost) {
        counts.gap.n += membersIn(channel);
        outlet.gap(channel, from, to, lost);
      },
    }),
    signal: (signal) => (channel, frame, exclude) => counted(frame, () => signal(channel, frame, exclude)),
  };
}

/** Four characters as one number, those behind the type's end as its quote; NaN where there are fewer. */
function markOf(frame: FrameBytes, at: number): number {
  let mark = 0;
  let hasEnded = false;
  for (let n = at; n < at + 4; n += 1) {
    const code = typeof frame === "string" ? frame.charCodeAt(n) : (frame[n] ?? Number.NaN);
    hasEnded ||= code === QUOTE;
    mark = mark * 256 + (hasEnded ? QUOTE : code);
  }
  return mark;
}

function startOf(frame: FrameBytes): string {
  if (typeof frame === "string") return frame.slice(0, TIME_WITHIN);
  return Buffer.from(frame.buffer, frame.byteOffset, Math.min(frame.byteLength, TIME_WITHIN)).toString("latin1");
}

function typesOf(counts: object): ServerFrameType[] {
  return Object.keys(SERVER_FRAMES).filter((type): type is ServerFrameType => type in counts);
}
