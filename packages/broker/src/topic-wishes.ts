// Which topics of one partition are wanted, and whether Redis has acknowledged them on the present link. Owned by topics.ts.
// States of a wish: wanted or not, held (acknowledged) or not; one round of calls is under way at a time, so that the last
// wish wins. States of the whole: without a link, idle, a round under way, waiting to repeat a failed one.
// Never calls a wish fulfilled before Redis has said so, and never gives up one that is still wanted.

import { backoffMs } from "@rookery/protocol";

/** All topics of one call lie under one hash tag, so one call never spans two slots. */
export interface TopicLink {
  ssubscribe(...topics: string[]): Promise<unknown>;
  sunsubscribe(...topics: string[]): Promise<unknown>;
}

export interface TopicWishes {
  /** Resolves when acknowledged, however many links that takes; rejects when a later unsubscribe or a close overtakes it. */
  subscribe(topic: string): Promise<void>;
  /** Resolves when given back, or when a later subscribe overtakes it. */
  unsubscribe(topic: string): Promise<void>;
  /** Issues every wanted topic on a new link. Resolves true when all are acknowledged, false when the link is lost first. */
  renew(link: TopicLink): Promise<boolean>;
  /** The link is gone and with it all that was held. */
  lost(): void;
  close(): void;
}

interface Wish {
  readonly topic: string;
  wanted: boolean;
  held: boolean;
  joins: { readonly resolve: () => void; readonly reject: (error: Error) => void }[];
  leaves: (() => void)[];
}

/** Joined channels of a partition come in bursts; one call for all would hold up what shares the connection. */
const MOST_TOPICS_A_CALL = 500;
/** Between rounds of calls that failed. */
const REPEAT = { floorMs: 50, firstMs: 50, ceilingMs: 2_000 };

export function createTopicWishes(failed: (error: unknown) => void): TopicWishes {
  const wishes = new Map<string, Wish>();
  let changed = new Set<Wish>();
  let link: TopicLink | undefined;
  let round: NodeJS.Immediate | "under way" | undefined;
  let repeat: NodeJS.Timeout | undefined;
  let failures = 0;
  let renewed: ((complete: boolean) => void) | undefined;

  function change(wish: Wish): void {
    changed.add(wish);
    startRound();
  }

  /** All wishes of one turn of the event loop go out together. */
  function startRound(): void {
    if (link === undefined || round !== undefined || repeat !== undefined) return;
    const on = link;
    round = setImmediate(() => {
      runRound(on).catch(() => endRound(false));
    });
  }

  async function runRound(on: TopicLink): Promise<void> {
    round = "under way";
    const asked = [...changed];
    changed = new Set();
    for (const wish of asked) if (!wish.wanted && !wish.held) forget(wish);
    const joining = asked.filter((wish) => wish.wanted && !wish.held);
    const leaving = asked.filter((wish) => !wish.wanted && wish.held);
    // What comes while a topic is being left must ask for it anew.
    for (const wish of leaving) wish.held = false;
    const calls = [...slices(joining).map((part) => join(on, part)), ...slices(leaving).map((part) => leave(on, part))];
    const outcomes = await Promise.all(calls);
    if (on === link) endRound(outcomes.every(Boolean));
  }

  function endRound(succeeded: boolean): void {
    round = undefined;
    failures = succeeded ? 0 : failures + 1;
    if (!succeeded) {
      repeat = setTimeout(
        () => {
          repeat = undefined;
          startRound();
        },
        backoffMs(failures, REPEAT, Math.random()),
      );
    } else if (changed.size > 0) startRound();
    else tellRenewed(true);
  }

  /** Resolves to whether the call succeeded; a link lost meanwhile counts for nothing. */
  async function call(on: TopicLink, part: readonly Wish[], way: "ssubscribe" | "sunsubscribe"): Promise<boolean> {
    try {
      await on[way](...part.map((wish) => wish.topic));
      return true;
    } catch (error) {
      if (on === link) failed(error);
      return false;
    }
  }

  async function join(on: TopicLink, part: readonly Wish[]): Promise<boolean> {
    const succeeded = await call(on, part, "ssubscribe");
    if (on !== link) return false;
    for (const wish of part) {
      wish.held = succeeded;
      if (!succeeded) changed.add(wish);
      else for (const { resolve } of wish.joins.splice(0)) resolve();
    }
    return succeeded;
  }

  async function leave(on: TopicLink, part: readonly Wish[]): Promise<boolean> {
    const succeeded = await call(on, part, "sunsubscribe");
    if (on !== link) return false;
    for (const wish of part) {
      if (succeeded && !wish.wanted) forget(wish);
      if (succeeded) continue;
      wish.held = !wish.wanted;
      changed.add(wish);
    }
    return succeeded;
  }

  function forget(wish: Wish): void {
    wishes.delete(wish.topic);
    changed.delete(wish);
    for (const { reject } of wish.joins.splice(0)) reject(new Error("the subscription was taken back"));
    for (const resolve of wish.leaves.splice(0)) resolve();
  }

  function tellRenewed(complete: boolean): void {
    renewed?.(complete);
    renewed = undefined;
  }

  function lost(): void {
    link = undefined;
    clearTimeout(repeat);
    if (typeof round === "object") clearImmediate(round);
    repeat = undefined;
    round = undefined;
    failures = 0;
    changed = new Set();
    for (const wish of [...wishes.values()]) {
      wish.held = false;
      if (!wish.wanted) forget(wish);
    }
    tellRenewed(false);
  }

  return {
    subscribe(topic) {
      const wish = wishes.get(topic) ?? { topic, wanted: false, held: false, joins: [], leaves: [] };
      wishes.set(topic, wish);
      if (wish.wanted && wish.held) return Promise.resolve();
      wish.wanted = true;
      for (const resolve of wish.leaves.splice(0)) resolve();
      // Left and wanted again before the round began: it never ceased to be held.
      if (wish.held) return Promise.resolve();
      return new Promise((resolve, reject) => {
        wish.joins.push({ resolve, reject });
        change(wish);
      });
    },
    unsubscribe(topic) {
      const wish = wishes.get(topic);
      if (wish === undefined) return Promise.resolve();
      wish.wanted = false;
      return new Promise((resolve) => {
        wish.leaves.push(resolve);
        if (link === undefined) forget(wish);
        else change(wish);
      });
    },
    renew(next) {
      lost();
      link = next;
      for (const wish of wishes.values()) changed.add(wish);
      startRound();
      return new Promise((resolve) => {
        renewed = resolve;
      });
    },
    lost,
    close() {
      lost();
      for (const wish of [...wishes.values()]) forget(wish);
    },
  };
}

function slices(wishes: readonly Wish[]): (readonly Wish[])[] {
  const parts = [];
  for (let at = 0; at < wishes.length; at += MOST_TOPICS_A_CALL) parts.push(wishes.slice(at, at + MOST_TOPICS_A_CALL));
  return parts;
}
