// How often one session may act, and when one that was refused may come again. Called by the session before a frame is
// read (commands) and by dispatch once it is known to be a send. Pure: the caller brings the time; it refuses and closes
// nobody itself.
// States: the two buckets, the places promised in each, and the refusals whose waits have not been kept yet.
//
// A refusal names the time of a token of its own, and takes that token in advance: so those who are refused together come
// back one behind the other, and each is let in. A send passes both buckets; its place is one in both, and the second visit
// costs no command, for at most `sendsPerSec` frames a second beyond `commandsPerSec`.

import { MAX_REFUSALS, REFUSALS_WINDOW_MS } from "@rookery/protocol";
import type { FrameLimits } from "@rookery/protocol";
import { Places } from "./places.ts";
import { TokenBucket, WindowCounter } from "./token-bucket.ts";

export interface RateRules {
  readonly limits: Pick<FrameLimits, "commandsPerSec" | "sendsPerSec" | "sendBurst">;
  readonly commandBurst: number;
}

export class SessionRates {
  readonly #rules: RateRules;
  readonly #commands: TokenBucket;
  #commandPlaces: Places | undefined;
  #sends: TokenBucket | undefined;
  #sendPlaces: Places | undefined;
  /** Ways through the command bucket to places of sends. */
  #waysToSends: Places | undefined;
  #refusals: WindowCounter | undefined;

  constructor(rules: RateRules, nowMs: number) {
    this.#rules = rules;
    this.#commands = new TokenBucket(rules.commandBurst, nowMs);
  }

  /** 0 when a frame may be read now; otherwise the milliseconds until its place. */
  takeCommand(nowMs: number): number {
    if (this.#commandPlaces?.claim(nowMs) === true) {
      this.#refusals?.takeBack();
      return 0;
    }
    if (this.#waysToSends?.claim(nowMs) === true) return 0;
    const { commandsPerSec } = this.#rules.limits;
    const waitMs = this.#commands.take(commandsPerSec, this.#rules.commandBurst, nowMs);
    if (waitMs === 0) return 0;
    const places = (this.#commandPlaces ??= new Places());
    if (places.isFull) return waitMs;
    const ownMs = this.#commands.takeAhead(commandsPerSec);
    places.give(nowMs + ownMs);
    return wholeMs(ownMs);
  }

  /**
   * For a command that is known to cost more than its frame: 0 when that is paid; otherwise the milliseconds after which it
   * can be. Places are promised by the frame, so without this a hundred promises would let in a hundred costly commands.
   */
  pay(tokens: number, nowMs: number): number {
    return this.#commands.pay(tokens, this.#rules.limits.commandsPerSec, this.#rules.commandBurst, nowMs);
  }

  /** What a command cost beyond its frame: places that were promised stand, whoever is refused from now on waits longer. */
  charge(tokens: number): void {
    this.#commands.charge(tokens);
  }

  /** 0 when a send may be carried out now; otherwise the milliseconds until its place, also among commands. */
  takeSend(nowMs: number): number {
    if (this.#sendPlaces?.claim(nowMs) === true) {
      this.#refusals?.takeBack();
      return 0;
    }
    const { sendsPerSec, sendBurst } = this.#rules.limits;
    const sends = (this.#sends ??= new TokenBucket(sendBurst, nowMs));
    const waitMs = sends.take(sendsPerSec, sendBurst, nowMs);
    if (waitMs === 0) return 0;
    const places = (this.#sendPlaces ??= new Places());
    if (places.isFull) return waitMs;
    const ownMs = sends.takeAhead(sendsPerSec);
    places.give(nowMs + ownMs);
    (this.#waysToSends ??= new Places()).give(nowMs + ownMs);
    return wholeMs(ownMs);
  }

  /** Counts a refusal; true when there are too many whose waits were not kept. */
  refused(nowMs: number): boolean {
    this.#refusals ??= new WindowCounter();
    return this.#refusals.add(REFUSALS_WINDOW_MS, nowMs) >= MAX_REFUSALS;
  }
}

function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}
