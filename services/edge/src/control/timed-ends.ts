// Bans and mutes that end by time, of users who have a session here: when the time has come, whoever sits here is told what they
// may do again. That they may is judged by time wherever rights are judged; this file only tells. Called by the enforcement and by
// joins. States of a user in a channel: nothing ends, something does.

import { createDueTimes } from "../due-times.ts";

export interface TimedEnds {
  /** On Redis' clock. Of several the earliest is told: whoever hears of it asks for what is still to come. */
  expect(channel: string, user: string, untilMs: number): void;
  /** How many are waited for. */
  size(this: void): number;
  close(this: void): void;
}

export interface TimedEndsOptions {
  /** On Redis' clock. */
  redisNowMs(this: void): number;
  /** Something has ended, by Redis' clock as it is known here. */
  ended(this: void, channel: string, user: string): void;
}

interface End {
  readonly channel: string;
  readonly user: string;
  readonly untilMs: number;
}

const STEP_MS = 100;
/** Two clocks drift apart: what lies further ahead is reckoned anew then. */
const MOST_AHEAD_MS = 3_600_000;
/** Whoever is beyond it hears nothing, and may again all the same. */
const MOST_WAITING = 50_000;

export function createTimedEnds({ redisNowMs, ended }: TimedEndsOptions): TimedEnds {
  const ends = new Map<string, End>();
  const times = createDueTimes<End>({
    stepMs: STEP_MS,
    due(end) {
      // The clock may have been corrected meanwhile.
      if (redisNowMs() < end.untilMs) setTime(end);
      else {
        ends.delete(keyOf(end.channel, end.user));
        ended(end.channel, end.user);
      }
    },
  });

  function setTime(end: End): void {
    times.set(end, performance.now() + Math.min(MOST_AHEAD_MS, Math.max(0, end.untilMs - redisNowMs())));
  }

  return {
    expect(channel, user, untilMs) {
      const key = keyOf(channel, user);
      const known = ends.get(key);
      if (known === undefined ? ends.size >= MOST_WAITING : known.untilMs <= untilMs) return;
      if (known !== undefined) times.delete(known);
      const end = { channel, user, untilMs };
      ends.set(key, end);
      setTime(end);
    },
    size: () => ends.size,
    close: () => times.close(),
  };
}

/** No channel holds a `|`. */
function keyOf(channel: string, user: string): string {
  return `${channel}|${user}`;
}
