// Lets in whoever shows a channel's password: counts the try, checks the password off the loop, makes a member and has every
// node told. Called by `join` alone, for one whom the channel asks for its password. Must never check a password before the try
// is counted, nor log or keep one.

import type { Passwords } from "@rookery/auth";
import type { Announcer } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { Grant, Rights } from "@rookery/rights";
import type { Announcements, ChannelActs, Channels } from "@rookery/store";

export interface Candidate {
  readonly user: string;
  /** "" where it counts for nothing. */
  readonly address: string;
}

export interface Admission {
  /**
   * Rejects with ChatError `rate_limited` (too many tries), `wrong_password`, `too_many` (members), `unavailable`, `unknown`
   * or `overloaded`, or whatever the rights say of one who may not join, with a password or without.
   */
  admit(this: void, candidate: Candidate, channel: string, password: string): Promise<Grant>;
}

export interface AdmissionOptions {
  /** Counts a try for each of these: 0, or the milliseconds until there is another one. */
  readonly take: (scopes: readonly string[], most: number, windowMs: number) => Promise<number>;
  /** The ones counted last turned out to be no guess. */
  readonly giveBack: (scopes: readonly string[]) => Promise<void>;
  readonly channels: Pick<Channels, "passwordHash">;
  readonly passwords: Pick<Passwords, "verify">;
  readonly acts: Pick<ChannelActs, "admit">;
  readonly announcer: Announcer;
  readonly announcements: Pick<Announcements, "done">;
  readonly rights: Pick<Rights, "fresh">;
  readonly partitionOf: (channel: string) => number;
  /** Of a change that stands and is announced once more, which changes nothing. */
  readonly fault: (error: unknown) => void;
}

const MOST_TRIES = 5;
const TRIES_WINDOW_MS = 15 * 60_000;

export function createAdmission(options: AdmissionOptions): Admission {
  const { take, giveBack, channels, passwords, acts, announcer, announcements, rights, partitionOf, fault } = options;

  async function check(channel: string, password: string, hash: string, scopes: readonly string[]): Promise<void> {
    if (!(await passwords.verify(hash, password))) {
      throw new ChatError("wrong_password", "this is not the channel's password", { channel });
    }
    // A whole office behind one address knows the password.
    await giveBack(scopes);
  }

  /** As a member, and told to every node: whatever asks for the user's rights from here on finds them. */
  async function enrol(user: string, channel: string, passwordHash: string): Promise<ChatError | undefined> {
    const partition = partitionOf(channel);
    const outcome = await acts.admit({ actor: { kind: "user", user }, channel, partition, user, passwordHash });
    if (outcome.kind === "refused") {
      const isChanged = outcome.code === "conflict";
      return new ChatError(isChanged ? "wrong_password" : outcome.code, outcome.message, { channel });
    }
    if (outcome.kind === "done") {
      await announcer.announce(partition, outcome.change, outcome.audit);
      announcements.done([outcome.announcement]).catch(fault);
    }
    return undefined;
  }

  return {
    async admit({ user, address }, channel, password) {
      const asked = { user, channel, right: "join" } as const;
      const scopes = [`user|${user}`, ...(address === "" ? [] : [`address|${address}`])];
      const waitMs = await take(scopes, MOST_TRIES, TRIES_WINDOW_MS);
      if (waitMs > 0)
        throw new ChatError("rate_limited", "too many passwords tried", { channel, retryAfterMs: waitMs });
      const hash = await channels.passwordHash(channel);
      // It has none any more: whatever became of it, the rights tell.
      if (hash === undefined) return rights.fresh(asked);
      await check(channel, password, hash, scopes);
      const refusal = await enrol(user, channel, hash);
      try {
        return await rights.fresh(asked);
      } catch (error) {
        // Beside what they say of everybody who is no member, the reason for not becoming one.
        if (refusal !== undefined && error instanceof ChatError && error.code === "password_required") throw refusal;
        throw error;
      }
    },
  };
}
