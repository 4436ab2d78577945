// How long frames may wait for others, so that each socket is written to once for all of them: a write costs about the same
// whatever it carries. Asked by the outlet whenever a beat could begin, and by the metrics. Knows no clock of its own and sets
// no timer: it asks the readings it was given. A look moves it by the time since the last one, whoever asks.
// States: calm (0, everything goes at once) up to the longest beat; each look at the readings moves it.

/** Totals since any fixed moment: only what they grew by between two looks counts. */
export interface PaceReadings {
  /** Monotonic. */
  nowMs(this: void): number;
  frames(this: void): number;
  /** Frames times sockets. */
  deliveries(this: void): number;
  /** Time in which the loop did not wait for events. */
  busyMs(this: void): number;
}

export interface Pace {
  /** From 0, at once, to the longest beat. */
  beatMs(this: void): number;
}

/** Where the beat begins to grow, and from where on it is the longest. */
interface Growth {
  readonly from: number;
  readonly to: number;
}

/** All of these have to be there: the least growth counts. */
const GROWTHS = {
  /** Within the longest beat: below, most frames would be delayed with nothing to share their write. */
  framesABeat: { from: 0.5, to: 2 },
  /** At 4 to 5 µs each: below, all that a beat could save is 2 % of a core; above, writing takes a sixth of one or more. */
  deliveriesPerSec: { from: 4_000, to: 40_000 },
  /** Share of the time. Where a loop is nearly idle, nobody gains by waiting. */
  loopUse: { from: 0.03, to: 0.1 },
} as const satisfies Record<string, Growth>;

/** Holds some of the longest beats, and follows a crowd soon enough. */
const LOOK_EVERY_MS = 100;
/** Of the way to what is wanted, with each look: a beat makes the loop less busy, and must not swing by that. */
const STEP = 0.5;
/** Timers count whole milliseconds. */
const SHORTEST_MS = 1;

export function createPace(maxMs: number, readings: PaceReadings): Pace {
  if (maxMs === 0) return { beatMs: () => 0 };
  const look = () => ({ frames: readings.frames(), deliveries: readings.deliveries(), busyMs: readings.busyMs() });
  let lookedAtMs = readings.nowMs();
  let seen = look();
  let beatMs = 0;

  return {
    beatMs() {
      const nowMs = readings.nowMs();
      const elapsedMs = nowMs - lookedAtMs;
      if (elapsedMs >= LOOK_EVERY_MS) {
        const before = seen;
        seen = look();
        lookedAtMs = nowMs;
        const share = Math.min(
          grown(GROWTHS.framesABeat, ((seen.frames - before.frames) * maxMs) / elapsedMs),
          grown(GROWTHS.deliveriesPerSec, ((seen.deliveries - before.deliveries) * 1000) / elapsedMs),
          grown(GROWTHS.loopUse, (seen.busyMs - before.busyMs) / elapsedMs),
        );
        // A look that comes late, since nothing was delivered, goes as far as those that were left out.
        const kept = (1 - STEP) ** (elapsedMs / LOOK_EVERY_MS);
        beatMs = kept * beatMs + (1 - kept) * share * maxMs;
      }
      return beatMs < SHORTEST_MS ? 0 : beatMs;
    },
  };
}

/** 0 up to where growth begins, 1 from where it ends. */
function grown({ from, to }: Growth, value: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}
