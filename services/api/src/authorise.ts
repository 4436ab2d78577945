// The one hop that asks whether somebody may do a thing in a channel, by the rule that edges follow. Routes call it with
// the right they need and get a grant or a refusal. Until rights are stored, every user is a member of every public
// channel; the version that travels with a grant fences a publication against a change of rights.
// States: `known` holds the grants of channels that were seen to exist, the longest known are forgotten first.
import { ChatError, DIRECT_PREFIX } from "@rookery/protocol";
import type { Right } from "@rookery/protocol";

/** The rights that routes ask for. */
export type AskedRight = Extract<Right, "write" | "history">;

export interface Grant {
  readonly role: "member";
  /** Version of the channel's rights at which this was found; 0 when they never changed. */
  readonly version: number;
}

/** Throws ChatError `not_found` or `unavailable`. "fresh" reads again what the publish script called stale. */
export type Authorise = (user: string, channel: string, right: AskedRight, age?: "cached" | "fresh") => Promise<Grant>;

export interface AuthoriseOptions {
  /** From Postgres; rejects with `unavailable`. */
  channelExists(channel: string): Promise<boolean>;
  /** Creates a public channel unless it exists. */
  createPublic(channel: string, owner: string): Promise<void>;
  rightsVersion(channel: string): Promise<number>;
  readonly autoCreate: boolean;
  /** How many channels are remembered. */
  readonly remembered: number;
}

export function createAuthorise(options: AuthoriseOptions): Authorise {
  const known = new Map<string, Grant>();

  function remember(channel: string, grant: Grant): void {
    if (known.size >= options.remembered) {
      for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
    }
    known.set(channel, grant);
  }

  return async (user, channel, right, age = "cached") => {
    const cached = known.get(channel);
    if (cached !== undefined && age === "cached") return cached;
    const exists = cached !== undefined || (await found(options, user, channel, right));
    const grant: Grant = { role: "member", version: await options.rightsVersion(channel) };
    if (exists) remember(channel, grant);
    return grant;
  };
}

/** Whether the channel is there now. Where channels make themselves, one that nobody wrote to reads as empty. */
async function found(options: AuthoriseOptions, user: string, channel: string, right: AskedRight): Promise<boolean> {
  const absent = new ChatError("not_found", "no such channel", { channel });
  if (channel.startsWith(DIRECT_PREFIX)) throw absent;
  if (options.autoCreate && right === "write") {
    await options.createPublic(channel, user);
    return true;
  }
  const exists = await options.channelExists(channel);
  if (!exists && !options.autoCreate) throw absent;
  return exists;
}
