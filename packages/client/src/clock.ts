/** Time and chance as the machines of this package see them. `connect.ts` has the real ones, tests have their own. */
export interface Clock {
  /** Never goes back, and knows nothing of the time of day. May stand still while the machine sleeps. */
  readonly nowMs: () => number;
  /** The time of day, in ms since the Unix epoch. May be any, and jump. */
  readonly timeMs: () => number;
  readonly random: () => number;
  /** Calls back once after so long; answers how to call it off. */
  readonly after: (ms: number, act: () => void) => () => void;
  /** Calls back when what is going on is done, ahead of anything from outside. */
  readonly soon: (act: () => void) => void;
}
