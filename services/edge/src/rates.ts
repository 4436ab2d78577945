// How often one session may act, and when one that was refused may come again. Asked before a frame is read (`commands`)
// and by dispatch once it is known what it asks for. Pure: the caller brings the time; it refuses and closes nobody itself.
// States: its buckets, the turns promised in each, and the refusals whose waits have not been kept.
//
// A refusal names the time of a token of its own, and takes that token in advance: so those who are refused together come
// back one behind the other, and each is let in. A frame with a bucket of its own passes two; its turn is one in both, and
// the second visit costs no command, for at most that bucket's rate beyond that of commands.

import { MAX_REFUSALS, REFUSALS_WINDOW_MS } from "@rookery/protocol";
import type { FrameLimits } from "@rookery/protocol";
import { PromisedTurns } from "./promised-turns.ts";
import { TokenBucket, WindowCounter } from "./token-bucket.ts";

export interface BucketRule {
  readonly perSec: number;
  readonly burst: number;
}

export type RateLimits = Pick<FrameLimits, "commandsPerSec" | "sendsPerSec" | "sendBurst" | "typingPerSec">;

/** Every bucket of a session. Each frame takes from `commands`, and from one more where its command names one. */
export function bucketRules(limits: RateLimits, commandBurst: number) {
  return {
    commands: { perSec: limits.commandsPerSec, burst: commandBurst },
    sends: { perSec: limits.sendsPerSec, burst: limits.sendBurst },
    typing: { perSec: limits.typingPerSec, burst: limits.typingPerSec },
  } as const satisfies Record<string, BucketRule>;
}

export type BucketRules = ReturnType<typeof bucketRules>;
export type BucketName = keyof BucketRules;
/** Those that stand behind the one of all frames. */
export type CommandBucket = Exclude<BucketName, "commands">;

/** Channels in which frames of one session are held up by shared rates: as many as a session has channels, mostly. */
const MOST_HELD_UP = 128;

export class SessionRates {
  readonly #rules: BucketRules;
  readonly #commands: TokenBucket;
  // Made by the first frame that needs one: most sessions are idle, and thousands of them live at once.
  #others: { [name in CommandBucket]?: TokenBucket } | undefined;
  #turns: { [name in BucketName]?: PromisedTurns } | undefined;
  /** Ways through the bucket of commands to turns in the others. */
  #ways: PromisedTurns | undefined;
  #heldUp: Map<string, PromisedTurns> | undefined;
  #refusals: WindowCounter | undefined;

  constructor(rules: BucketRules, nowMs: number) {
    this.#rules = rules;
    this.#commands = new TokenBucket(rules.commands.burst, nowMs);
  }

  /** 0 when the frame is let in by this bucket; otherwise the milliseconds until its turn, also among commands. */
  take(name: BucketName, nowMs: number): number {
    if (this.#turns?.[name]?.claim(nowMs) === true) {
      this.#refusals?.takeBack();
      return 0;
    }
    if (name === "commands" && this.#ways?.claim(nowMs) === true) return 0;
    const { perSec, burst } = this.#rules[name];
    const bucket = this.#bucket(name, nowMs);
    const waitMs = bucket.take(perSec, burst, nowMs);
    if (waitMs === 0) return 0;
    const turns = ((this.#turns ??= {})[name] ??= new PromisedTurns());
    if (turns.isFull) return waitMs;
    const ownMs = bucket.takeAhead(perSec);
    turns.promise(nowMs + ownMs);
    if (name !== "commands") (this.#ways ??= new PromisedTurns()).promise(nowMs + ownMs);
    return Math.max(1, Math.ceil(ownMs));
  }

  /**
   * For a command that is known to cost more than its frame: 0 when that is paid; otherwise the milliseconds after which it
   * can be. Turns are promised by the frame, so without this a hundred promises would let in a hundred costly commands.
   */
  pay(tokens: number, nowMs: number): number {
    const { perSec, burst } = this.#rules.commands;
    return this.#commands.pay(tokens, perSec, burst, nowMs);
  }

  /** What a command cost beyond its frame: turns that were promised stand, whoever is refused from now on waits longer. */
  charge(tokens: number): void {
    this.#commands.charge(tokens);
  }

  /**
   * For a frame that these rates have let in and that shared ones (shared-rates.ts) hold up until then: when it comes back,
   * its token is not taken again.
   */
  heldUp(bucket: CommandBucket | undefined, untilMs: number): void {
    (this.#ways ??= new PromisedTurns()).promise(untilMs);
    if (bucket !== undefined) ((this.#turns ??= {})[bucket] ??= new PromisedTurns()).promise(untilMs);
  }

  /** Whether such a frame is back at its time, for this channel. */
  claimHeldUp(channel: string, nowMs: number): boolean {
    const turns = this.#heldUp?.get(channel);
    if (turns?.claim(nowMs) !== true) return false;
    if (turns.isEmpty) this.#heldUp?.delete(channel);
    this.#refusals?.takeBack();
    return true;
  }

  /** The turns of frames held up in this channel; those of the channel that was asked about longest ago make room. */
  heldUpIn(channel: string): PromisedTurns {
    const all = (this.#heldUp ??= new Map<string, PromisedTurns>());
    const turns = all.get(channel) ?? new PromisedTurns();
    all.delete(channel);
    all.set(channel, turns);
    const [oldest] = all.size > MOST_HELD_UP ? all.keys() : [];
    if (oldest !== undefined) all.delete(oldest);
    return turns;
  }

  /** Counts a refusal; true when there are too many whose waits were not kept. */
  refused(nowMs: number): boolean {
    this.#refusals ??= new WindowCounter();
    return this.#refusals.add(REFUSALS_WINDOW_MS, nowMs) >= MAX_REFUSALS;
  }

  #bucket(name: BucketName, nowMs: number): TokenBucket {
    if (name === "commands") return this.#commands;
    return ((this.#others ??= {})[name] ??= new TokenBucket(this.#rules[name].burst, nowMs));
  }
}
