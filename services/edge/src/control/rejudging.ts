// Judges those who sit in a channel again by what is read now: where what memory had of them was forgotten, or cannot be believed
// any more. Called by the enforcement for one channel, and for a whole partition after a loss. Whoever may not stay is taken out,
// whoever may do something else is told.

import { ChatError } from "@rookery/protocol";
import type { Grant, Rights } from "@rookery/rights";
import type { Hub } from "../hub.ts";
import type { Session } from "../session.ts";
import type { Removing } from "./removal.ts";

export interface Rejudging {
  /** Answers how many sessions it took out. Rejects with ChatError `unavailable` while somebody cannot be judged. */
  channel(this: void, channel: string): Promise<number>;
  /** Some of those who may sit there. They are told what they may. */
  users(this: void, channel: string, users: readonly string[]): Promise<number>;
  /** All channels of it, once memory believes nothing of them. */
  partition(this: void, partition: number): Promise<number>;
}

export interface RejudgingOptions {
  readonly hub: Pick<Hub<Session>, "membersOf">;
  readonly rights: Pick<Rights, "cached" | "remembered" | "doubt">;
  readonly removing: Pick<Removing, "settle">;
  channelsOf(this: void, partition: number): Iterable<string>;
}

/** They are read together. */
const USERS_AT_ONCE = 500;
/** Most have a handful of members here. */
const CHANNELS_AT_ONCE = 100;

/** What was known of a user, or that they are to be told whatever it was. */
type Known = Grant | ChatError | "told" | undefined;
type Before = ReadonlyMap<string, Known>;

export function createRejudging({ hub, rights, removing, channelsOf }: RejudgingOptions): Rejudging {
  function known(channel: string): Before {
    const users = new Set(Array.from(hub.membersOf(channel), ({ user }) => user));
    return new Map(Array.from(users, (user) => [user, rights.remembered(channel, user)]));
  }

  async function judge(channel: string, user: string, before: Known): Promise<number> {
    try {
      const grant = await rights.cached({ channel, user, right: "read" });
      return removing.settle(channel, user, grant, isOther(before, grant));
    } catch (error) {
      if (!(error instanceof ChatError) || error.code === "unavailable" || error.code === "overloaded") throw error;
      return removing.settle(channel, user, error, false);
    }
  }

  async function judgeAll(channel: string, before: Before): Promise<number> {
    const users = [...before.keys()];
    let closed = 0;
    for (let from = 0; from < users.length; from += USERS_AT_ONCE) {
      const some = users.slice(from, from + USERS_AT_ONCE);
      const counts = await Promise.all(some.map((user) => judge(channel, user, before.get(user))));
      closed += counts.reduce((sum, count) => sum + count, 0);
    }
    return closed;
  }

  return {
    channel: (channel) => judgeAll(channel, known(channel)),
    users: (channel, users) => judgeAll(channel, new Map(users.map((user) => [user, "told"]))),
    async partition(partition) {
      const all = Array.from(channelsOf(partition), (channel) => [channel, known(channel)] as const);
      rights.doubt(partition);
      let closed = 0;
      for (let from = 0; from < all.length; from += CHANNELS_AT_ONCE) {
        const some = all.slice(from, from + CHANNELS_AT_ONCE);
        const counts = await Promise.all(some.map(([channel, before]) => judgeAll(channel, before)));
        closed += counts.reduce((sum, count) => sum + count, 0);
      }
      return closed;
    },
  };
}

/** Where nothing was known nobody is told anything: they hear it with what they ask next. */
function isOther(before: Known, now: Grant): boolean {
  if (before === undefined || before === "told") return before === "told";
  return before instanceof ChatError || before.role !== now.role || before.can.length !== now.can.length;
}
