// The one hop that asks whether a user may do a thing in a channel. Commands call it with the right they need and get a
// grant or a refusal. Until rights are stored, everybody who has a valid token is a member of every public channel; the
// version that travels with the grant already fences a send against a change of rights.
// States: `grants` holds those of channels that were seen to exist, the longest known are forgotten first.

import { ChatError, DIRECT_PREFIX } from "@rookery/protocol";
import type { Session } from "./session.ts";

export const MEMBER_RIGHTS = ["join", "read", "write", "react", "presence", "history"] as const;
export type Right = (typeof MEMBER_RIGHTS)[number];

export interface Grant {
  readonly role: "member";
  readonly can: readonly Right[];
  /** Version of the channel's rights that this grant was read at; 0 when they never changed. */
  readonly version: number;
}

export type Authorise = (
  session: Session,
  channel: string,
  right: Right,
  /** "fresh" reads again what may be stale, after the publish script said so. */
  age?: "cached" | "fresh",
) => Grant | Promise<Grant>;

/** The same of several channels, each by itself, in order; in at most two statements together. */
export type AuthoriseAll = (
  session: Session,
  channels: readonly string[],
  right: Right,
) => Promise<readonly (Grant | Error)[]>;

export interface AuthoriseOptions {
  /** Which of these channels exist, from Postgres in one statement; rejects with `unavailable`. */
  existing(channels: readonly string[]): Promise<ReadonlySet<string>>;
  /** Creates those of these public channels that do not exist, with their first user as owner, in two statements. */
  ensurePublic(channels: readonly string[], owner: string): Promise<void>;
  rightsVersion(channel: string): Promise<number>;
  readonly autoCreate: boolean;
  /** How many channels are remembered; beyond it the oldest are asked for again. */
  readonly remembered: number;
}

export interface Authorisation {
  readonly authorise: Authorise;
  readonly authoriseAll: AuthoriseAll;
}

export function createAuthorise(options: AuthoriseOptions): Authorisation {
  const grants = new Map<string, Grant>();

  const remember = (channel: string, grant: Grant): Grant => {
    if (grants.size >= options.remembered) {
      for (const oldest of grants.keys()) {
        grants.delete(oldest);
        break;
      }
    }
    grants.set(channel, grant);
    return grant;
  };

  const read = async (channel: string): Promise<Grant> => {
    const version = await options.rightsVersion(channel);
    return remember(channel, { role: "member", can: MEMBER_RIGHTS, version });
  };

  return {
    authorise: (session, channel, _right, age = "cached") => {
      const known = grants.get(channel);
      if (known !== undefined) return age === "cached" ? known : read(channel);
      return ensureChannels(options, session, [channel]).then(([absent]) => {
        if (absent !== undefined) throw absent;
        return read(channel);
      });
    },
    async authoriseAll(session, channels) {
      const unknown = channels.filter((channel) => !grants.has(channel));
      const absences = await ensureChannels(options, session, unknown).catch((error: unknown) => {
        const reason = asError(error);
        return unknown.map(() => reason);
      });
      const absent = new Map(unknown.map((channel, n) => [channel, absences[n]]));
      return Promise.all(
        channels.map(async (channel) => absent.get(channel) ?? grants.get(channel) ?? read(channel).catch(asError)),
      );
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("a store failed without a reason", { cause: error });
}

/** For each channel why it cannot be had, or undefined when it is there now. */
async function ensureChannels(
  options: AuthoriseOptions,
  session: Session,
  channels: readonly string[],
): Promise<readonly (ChatError | undefined)[]> {
  const possible = channels.filter((channel) => !channel.startsWith(DIRECT_PREFIX));
  let there: ReadonlySet<string> = new Set(possible);
  if (possible.length > 0) {
    if (options.autoCreate) await options.ensurePublic(possible, session.user);
    else there = await options.existing(possible);
  }
  return channels.map((channel) =>
    there.has(channel) ? undefined : new ChatError("not_found", "no such channel", { channel }),
  );
}
