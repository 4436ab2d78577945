// Turns that were promised to frames refused for their rate: the moments after which one more frame is let in, whatever the
// bucket holds then, since the token was taken when the promise was given. A frame that comes back cannot be told from
// another one, so a turn is anybody's who comes at its time. Bounded; the rates of a session own them.
// States of a turn: waiting for its time, kept for whoever comes, lapsed.

import { MAX_REFUSALS, TURN_KEPT_MS } from "@rookery/protocol";

/** Timers of clients count whole milliseconds, and some fire a little before their time. */
const EARLY_MS = 2;

export class PromisedTurns {
  /** Ascending: mostly each is promised behind the one before it. */
  readonly #timesMs: number[] = [];

  /** So many refusals close a session, so nobody who may stay waits for more. */
  get isFull(): boolean {
    return this.#timesMs.length >= MAX_REFUSALS;
  }

  get isEmpty(): boolean {
    return this.#timesMs.length === 0;
  }

  promise(atMs: number): void {
    // What another bucket promises may come before what this one has.
    const later = this.#timesMs.findLastIndex((timeMs) => timeMs <= atMs) + 1;
    this.#timesMs.splice(later, 0, atMs);
  }

  /** Takes the first turn whose time has come; false when there is none. */
  claim(nowMs: number): boolean {
    const kept = this.#timesMs.findIndex((atMs) => atMs + TURN_KEPT_MS >= nowMs);
    this.#timesMs.splice(0, kept === -1 ? this.#timesMs.length : kept);
    const [first] = this.#timesMs;
    if (first === undefined || first > nowMs + EARLY_MS) return false;
    this.#timesMs.shift();
    return true;
  }
}
