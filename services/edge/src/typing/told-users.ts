// How many users a large channel is told to be typing: a few a second, whoever they are. One for what this edge announces and one
// for what it hands to its members. Pure but for the timer that forgets channels.

import { createDueTimes } from "../due-times.ts";

/** Of a channel in digest mode, within any second. (protocol, `typing`) */
const USERS_A_SECOND = 3;
const SECOND_MS = 1000;

export interface ToldUsers {
  /** True when one more may be told now, and counts it. */
  take(channel: string): boolean;
  close(): void;
}

export function createToldUsers(): ToldUsers {
  /** When each of the last was told, the earliest first. */
  const byChannel = new Map<string, number[]>();
  const times = createDueTimes<string>({ stepMs: SECOND_MS, due: (channel) => void byChannel.delete(channel) });
  return {
    take(channel) {
      const nowMs = performance.now();
      const told = byChannel.get(channel) ?? [];
      if (told.length >= USERS_A_SECOND && nowMs - (told[0] ?? 0) < SECOND_MS) return false;
      told.push(nowMs);
      if (told.length > USERS_A_SECOND) told.shift();
      byChannel.set(channel, told);
      times.set(channel, nowMs + SECOND_MS);
      return true;
    },
    close: () => times.close(),
  };
}
