// Looks at how much waits in sockets, four times a second: at those that are slow each time, at all others a quarter at a time, and
// at none while nothing is delivered and nothing waits anywhere. Started by main. It never looks because of a frame: what one
// socket is sent costs no other a look. It judges nobody: lanes.ts does.
// States: resting (nothing has been delivered since all were looked at, and nothing waited), passing (over all sessions, in parts).

import type { Session } from "../session.ts";
import type { Lanes } from "./lanes.ts";

export interface BufferLooks {
  /** What waits in all sockets, here and in the layer, as far as it has been looked at. */
  usedBytes(this: void): number;
  /** To be called every `LOOK_EVERY_MS`. */
  look(this: void, nowMs: number): void;
}

export interface BufferLooksOptions {
  lanes(this: void): Pick<Lanes, "look" | "tick" | "sizes">;
  readonly sessions: ReadonlyMap<string, Session>;
  /** All deliveries so far: while they stand still, no buffer grows that nobody looks at anyway. */
  deliveries(this: void): number;
  readonly budgetBytes: number;
}

export const LOOK_EVERY_MS = 250;
/** A full buffer takes seconds to fill from the soft limit on, in a channel of a thousand messages a second. */
const PARTS = 4;

export function createBufferLooks({ lanes, sessions, deliveries, budgetBytes }: BufferLooksOptions): BufferLooks {
  let slowBytes = 0;
  /** Of those that keep up: as the last pass had it, and as the one under way has it so far. */
  let otherBytes = 0;
  let passBytes = 0;
  let pass: MapIterator<Session> | undefined;
  let visited = 0;
  let seen = 0;

  /** What the last pass found in those that the one under way has not come to yet is taken to be there still. */
  const ahead = (): number => Math.max(0, 1 - visited / Math.max(1, sessions.size));
  const usedBytes = (): number => slowBytes + passBytes + Math.round(otherBytes * (pass === undefined ? 1 : ahead()));

  function begin(): void {
    const delivered = deliveries();
    if (delivered === seen && otherBytes === 0) return;
    seen = delivered;
    visited = 0;
    pass = sessions.values();
  }

  function goOn(): void {
    // Near the end of the budget nobody waits a second for being looked at.
    const parts = usedBytes() * 2 > budgetBytes ? 1 : PARTS;
    for (let left = Math.ceil(sessions.size / parts); left > 0; left -= 1) {
      const next = pass?.next();
      if (next === undefined) return;
      if (next.done === true) {
        otherBytes = passBytes;
        passBytes = 0;
        pass = undefined;
        return;
      }
      visited += 1;
      const { wire } = next.value;
      if (wire === undefined || wire.lane !== undefined) continue;
      const bytes = lanes().look(next.value);
      // One that turns out to be slow is counted with those from the next look on.
      if (wire.lane === undefined) passBytes += bytes;
      else slowBytes += bytes;
    }
  }

  return {
    usedBytes,
    look(nowMs) {
      lanes().tick(nowMs);
      const { sessions: slow, keptBytes } = lanes().sizes();
      slowBytes = keptBytes;
      for (const session of slow) slowBytes += session.wire?.bufferedBytes() ?? 0;
      if (pass === undefined) begin();
      goOn();
    },
  };
}

export function startBufferLooks(looks: BufferLooks): { stop(): void } {
  const timer = setInterval(() => looks.look(performance.now()), LOOK_EVERY_MS);
  return { stop: () => clearInterval(timer) };
}
