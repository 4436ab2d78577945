// How much is announced on this edge by one user, from one address and in one channel, whatever their sessions have left of
// their own rates. Asked by dispatch for each frame that is announced to a channel, once the session is known to be in it.
// Pure: the caller brings the time. A bucket that nobody used for as long as it takes to be full again is forgotten, so what
// is kept is bounded by what came in within that time; strangers have no way here.
//
// A refusal names the time of a token of its own, taken in advance, as those of sessions do (rates.ts); but for a second of
// debt at most. Beyond it nothing is promised: or those who never come back would make the others wait without end.
import { addressGroup, isLoopbackAddress } from "@rookery/runtime";
import { TokenBucket } from "./token-bucket.ts";
import type { CommandBucket, SessionRates } from "./rates.ts";

export const SHARED_SCOPES = ["user", "address", "channel"] as const;
export type SharedScope = (typeof SHARED_SCOPES)[number];

export interface SharedRules {
  /** Frames a second of each scope; at once as many. */
  readonly perSec: Readonly<Record<SharedScope, number>>;
  /** Whether loopback is free of the rate per address. */
  readonly loopbackExempt: boolean;
}

/** What is asked of a session. */
export interface Announcer {
  readonly user: string;
  readonly address: string;
  readonly rates: Pick<SessionRates, "claimHeldUp" | "heldUp" | "heldUpIn">;
}

export interface HeldUp {
  readonly scope: SharedScope;
  /** Milliseconds until this frame's turn. */
  readonly waitMs: number;
}

export interface SharedRates {
  /** Undefined when the frame is let in. `bucket`: the one of its session that it has passed. */
  take(who: Announcer, channel: string, bucket: CommandBucket | undefined, nowMs: number): HeldUp | undefined;
  /** Buckets kept. */
  size(): number;
}

/** A second's worth of tokens, and of debt: after both times a bucket is as if it were new. */
const KEPT_MS = 2_000;

interface Share {
  readonly scope: SharedScope;
  readonly bucket: TokenBucket;
}

export function createSharedRates({ perSec, loopbackExempt }: SharedRules): SharedRates {
  const users = createShares("user", perSec.user);
  const addresses = createShares("address", perSec.address);
  const channels = createShares("channel", perSec.channel);
  const groups = new WeakMap<Announcer, string>();

  /** Read once for each session, since it is some text to look at; empty for one that is free. */
  function addressOf(who: Announcer): string {
    let group = groups.get(who);
    if (group === undefined) {
      group = loopbackExempt && isLoopbackAddress(who.address) ? "" : addressGroup(who.address);
      groups.set(who, group);
    }
    return group;
  }

  /** From all of them or from none; what is not there yet is taken in advance. */
  function takeAhead(shares: readonly Share[], nowMs: number): HeldUp & { readonly isPromised: boolean } {
    let longest: HeldUp = { scope: "user", waitMs: 0 };
    for (const [at, { scope, bucket }] of shares.entries()) {
      const lackingMs = bucket.pay(1, perSec[scope], perSec[scope], nowMs);
      const waitMs = Math.ceil(lackingMs + bucket.debtMs(perSec[scope]));
      if (lackingMs > 0) {
        giveBack(shares.slice(0, at));
        return { scope, waitMs, isPromised: false };
      }
      if (waitMs > longest.waitMs) longest = { scope, waitMs };
    }
    return { ...longest, isPromised: true };
  }

  function holdUp(
    who: Announcer,
    channel: string,
    bucket: CommandBucket | undefined,
    nowMs: number,
  ): HeldUp | undefined {
    const user = users.share(who.user, nowMs);
    const shared = channels.share(channel, nowMs);
    const group = addressOf(who);
    const address = group === "" ? undefined : addresses.share(group, nowMs);
    // Nearly every frame: nothing is made for it, and no bucket is asked twice.
    if (isThere(user, nowMs)) {
      if (isThere(shared, nowMs)) {
        if (address === undefined || isThere(address, nowMs)) return undefined;
        shared.bucket.charge(-1);
      }
      user.bucket.charge(-1);
    }
    return promise(who, channel, bucket, address === undefined ? [user, shared] : [user, shared, address], nowMs);
  }

  /** Takes a token where there is one. */
  function isThere({ scope, bucket }: Share, nowMs: number): boolean {
    return bucket.take(perSec[scope], perSec[scope], nowMs) === 0;
  }

  function promise(
    who: Announcer,
    channel: string,
    bucket: CommandBucket | undefined,
    shares: readonly Share[],
    nowMs: number,
  ): HeldUp {
    const { isPromised, ...heldUp } = takeAhead(shares, nowMs);
    if (!isPromised) return heldUp;
    const turns = who.rates.heldUpIn(channel);
    if (turns.isFull) giveBack(shares);
    else {
      turns.promise(nowMs + heldUp.waitMs);
      who.rates.heldUp(bucket, nowMs + heldUp.waitMs);
    }
    return heldUp;
  }

  return {
    take: (who, channel, bucket, nowMs) =>
      who.rates.claimHeldUp(channel, nowMs) ? undefined : holdUp(who, channel, bucket, nowMs),
    size: () => users.size() + addresses.size() + channels.size(),
  };
}

function giveBack(shares: readonly Share[]): void {
  for (const { bucket } of shares) bucket.charge(-1);
}

/** The buckets of one scope: what was used lately, and what was used before that and not since. */
function createShares(scope: SharedScope, perSec: number) {
  let young = new Map<string, Share>();
  let old = new Map<string, Share>();
  let turnedAtMs = Number.NEGATIVE_INFINITY;

  function turn(nowMs: number): void {
    // Twice the time without a frame: nothing of either is still of use.
    old = nowMs - turnedAtMs < 2 * KEPT_MS ? young : new Map<string, Share>();
    young = new Map<string, Share>();
    turnedAtMs = nowMs;
  }

  return {
    share(name: string, nowMs: number): Share {
      if (nowMs - turnedAtMs >= KEPT_MS) turn(nowMs);
      let found = young.get(name);
      if (found === undefined) {
        found = old.get(name) ?? { scope, bucket: new TokenBucket(perSec, nowMs) };
        young.set(name, found);
      }
      return found;
    },
    size: () => young.size + old.size,
  };
}
