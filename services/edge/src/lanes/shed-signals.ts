// Signals that slow sockets are not given: how many sockets of each channel go without, and how many of each class they were not
// given. Told by lanes.ts who goes without, asked by the fan-out for each signal; while nobody does, that is one comparison.

import type { PlainCount } from "@rookery/runtime";

/** By the type of the frame; `other` is what a later build may announce. */
export const SIGNAL_CLASSES = ["typing", "presence", "joined", "left", "read", "other"] as const;
export type SignalClass = (typeof SIGNAL_CLASSES)[number];
export type ShedCounts = Readonly<Record<SignalClass, PlainCount>>;

export interface ShedSignals {
  begin(this: void, channel: string): void;
  end(this: void, channel: string): void;
  /** Members of the channel who are not given its signals. */
  countIn(this: void, channel: string): number;
  /** So many sockets were not given this frame. */
  shed(this: void, frame: string | Uint8Array, sockets: number): void;
}

/** A frame begins with its type: every encoder of this project writes it first. */
const TYPE_AT = '{"type":"'.length;
const LONGEST_TYPE = 10;

export function createShedSignals(counts: ShedCounts): ShedSignals {
  const withheld = new Map<string, number>();
  return {
    begin: (channel) => void withheld.set(channel, (withheld.get(channel) ?? 0) + 1),
    end(channel) {
      const left = (withheld.get(channel) ?? 0) - 1;
      if (left > 0) withheld.set(channel, left);
      else withheld.delete(channel);
    },
    countIn: (channel) => (withheld.size === 0 ? 0 : (withheld.get(channel) ?? 0)),
    shed(frame, sockets) {
      counts[classOf(frame)].n += sockets;
    },
  };
}

function classOf(frame: string | Uint8Array): SignalClass {
  const end = TYPE_AT + LONGEST_TYPE;
  const head = typeof frame === "string" ? frame.slice(0, end) : Buffer.from(frame.subarray(0, end)).toString("latin1");
  const type = head.slice(TYPE_AT).split('"', 1)[0];
  return SIGNAL_CLASSES.find((each) => each === type) ?? "other";
}
