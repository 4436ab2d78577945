// How slow one socket is, as a state that events move: the table below is all of it. Pure: knows no socket, no clock and no
// channel. Kept by lanes.ts for each socket that is or lately was slow; one that keeps up has none.
// States, and what the socket gets in each:
//   live      everything
//   quiet     messages and replies; signals are shed
//   full      replies are kept, nothing else: the buffer is over its limit, or something was dropped
//   silent    the same: what was written seems to arrive nowhere, since a ping has been unanswered for too long
//   catching  what was kept is being written; still nothing else
//   closed    it has been told to go; the end
// `full` and `silent` are one lane, "behind", and differ in what ends them. A gap is told on the way from catching to live.

export const LANE_STATES = ["live", "quiet", "full", "silent", "catching", "closed"] as const;
export type LaneState = (typeof LANE_STATES)[number];

export type LaneEvent =
  /** More waits for the socket than the soft limit. */
  | "filled"
  /** More than the hard limit, or so much that the layer dropped something. */
  | "overfilled"
  /** No more than half of the soft limit. */
  | "eased"
  /** Nothing waits for it any more. */
  | "emptied"
  /** A ping has been unanswered for too long. */
  | "silent"
  /** The answer to a ping is here. */
  | "answered"
  /** Everything that was kept is written. */
  | "settled"
  /** It takes too long, comes too often or asks for too much. */
  | "stuck";

const TRANSITIONS: { readonly [S in LaneState]: { readonly [E in LaneEvent]?: LaneState } } = {
  live: { filled: "quiet", overfilled: "full", silent: "silent", stuck: "closed" },
  quiet: { eased: "live", emptied: "live", overfilled: "full", silent: "silent", stuck: "closed" },
  full: { emptied: "catching", stuck: "closed" },
  silent: { overfilled: "full", answered: "catching", stuck: "closed" },
  catching: { overfilled: "full", silent: "silent", settled: "live", stuck: "closed" },
  closed: {},
};

/** The names under which sockets are counted. */
export const LANES = ["quiet", "behind", "catching_up"] as const;
export type LaneName = (typeof LANES)[number];

interface Traits {
  readonly lane: LaneName | undefined;
  readonly hearsSignals: boolean;
  readonly hearsMessages: boolean;
}

const NOTHING = { hearsSignals: false, hearsMessages: false } as const;
export const LANE_TRAITS: { readonly [S in LaneState]: Traits } = {
  live: { lane: undefined, hearsSignals: true, hearsMessages: true },
  quiet: { lane: "quiet", hearsSignals: false, hearsMessages: true },
  full: { lane: "behind", ...NOTHING },
  silent: { lane: "behind", ...NOTHING },
  catching: { lane: "catching_up", ...NOTHING },
  closed: { lane: undefined, ...NOTHING },
};

/** An event that means nothing in a state leaves it. */
export function nextLane(state: LaneState, event: LaneEvent): LaneState {
  return TRANSITIONS[state][event] ?? state;
}

/** Whoever reads on at 35 kB/s has emptied a full buffer by then. */
export const BEHIND_AT_MOST_MS = 30_000;
/** Each costs reads of what was missed; whoever needs more cannot follow its channels at all. */
export const MOST_GAPS = 6;
export const GAPS_WINDOW_MS = 60_000;

/** When a socket fell behind, the times within the window. */
export interface Falls {
  readonly sinceMs: number | undefined;
  readonly timesMs: readonly number[];
}

export const NO_FALLS: Falls = { sinceMs: undefined, timesMs: [] };

/** What the last falls are once the socket is in this state. */
export function fallsIn(falls: Falls, state: LaneState, nowMs: number): Falls {
  const timesMs = falls.timesMs.filter((atMs) => nowMs - atMs < GAPS_WINDOW_MS);
  if (LANE_TRAITS[state].hearsMessages) return { sinceMs: undefined, timesMs };
  if (falls.sinceMs !== undefined) return { sinceMs: falls.sinceMs, timesMs };
  return { sinceMs: nowMs, timesMs: [...timesMs, nowMs] };
}

export const STUCK_REASONS = ["too_long", "too_often", "too_many_replies", "removed"] as const;
export type StuckReason = (typeof STUCK_REASONS)[number];

/** Why a socket has to go, as the clock has it. */
export function stuckBy({ sinceMs, timesMs }: Falls, nowMs: number): StuckReason | undefined {
  if (sinceMs === undefined) return undefined;
  if (nowMs - sinceMs > BEHIND_AT_MOST_MS) return "too_long";
  return timesMs.length > MOST_GAPS ? "too_often" : undefined;
}
