// Rates: how often somebody may act, and how often one may be refused before being shown the door.
// Pure: the caller brings the time. Thousands live at once, so both are small classes with private numbers.
// Sessions own them, and shared-rates.ts; nothing here sends or closes.

/** A token bucket: `burst` at once, `perSec` in the long run. Times in milliseconds, of a monotonic clock. */
export class TokenBucket {
  #tokens: number;
  #filledAtMs: number;

  constructor(burst: number, nowMs: number) {
    this.#tokens = burst;
    this.#filledAtMs = nowMs;
  }

  /** Takes one token and answers 0, or takes none and answers the milliseconds until one is there. */
  take(perSec: number, burst: number, nowMs: number): number {
    this.#fill(perSec, burst, nowMs);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 1000) / perSec));
  }

  /** After a `take` in vain: takes the next token before it is there, and answers the milliseconds until then. */
  takeAhead(perSec: number): number {
    this.#tokens -= 1;
    return (-this.#tokens * 1000) / perSec;
  }

  /**
   * Takes what an action is going to cost and answers 0, also into debt, but for no more than a burst; otherwise takes
   * nothing and answers the milliseconds until it may.
   */
  pay(tokens: number, perSec: number, burst: number, nowMs: number): number {
    this.#fill(perSec, burst, nowMs);
    const lacking = tokens - burst - this.#tokens;
    if (lacking > 0) return Math.ceil((lacking * 1000) / perSec);
    this.#tokens -= tokens;
    return 0;
  }

  /** Until what was taken in advance is there; 0 without debt. */
  debtMs(perSec: number): number {
    return Math.max(0, (-this.#tokens * 1000) / perSec);
  }

  /** Takes what an action turned out to cost beyond its token, into debt if need be: whoever comes next waits for it. */
  charge(tokens: number): void {
    this.#tokens -= tokens;
  }

  #fill(perSec: number, burst: number, nowMs: number): void {
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledAtMs) * perSec) / 1000);
    this.#filledAtMs = nowMs;
  }
}

/** Counts events in a fixed window that starts with the first of them. */
export class WindowCounter {
  #count = 0;
  #startedAtMs = 0;

  /** Adds one and answers how many fell into the window of `windowMs` so far. */
  add(windowMs: number, nowMs: number): number {
    if (this.#count === 0 || nowMs - this.#startedAtMs >= windowMs) {
      this.#count = 0;
      this.#startedAtMs = nowMs;
    }
    this.#count += 1;
    return this.#count;
  }

  /** Counts one less. */
  takeBack(): void {
    if (this.#count > 0) this.#count -= 1;
  }
}
