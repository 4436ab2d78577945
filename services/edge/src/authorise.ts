// The one hop that asks whether a user may do a thing in a channel. Commands call it with the right they need and get a
// grant or a refusal. Until rights are stored, everybody who has a valid token is a member of every public channel; the
// version that travels with the grant already fences a send against a change of rights.

import { ChatError } from "@rookery/protocol";
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

export interface AuthoriseOptions {
  /** Whether the channel exists, from Postgres; rejects with `unavailable`. */
  channelExists(channel: string): Promise<boolean>;
  /** Creates a public channel with its first user as owner, unless it exists. */
  createPublic(channel: string, owner: string): Promise<void>;
  rightsVersion(channel: string): Promise<number>;
  readonly autoCreate: boolean;
  /** How many channels are remembered; beyond it the oldest are asked for again. */
  readonly remembered: number;
}

export function createAuthorise(options: AuthoriseOptions): Authorise {
  const grants = new Map<string, Grant>();

  const read = async (session: Session, channel: string): Promise<Grant> => {
    if (!grants.has(channel)) await ensureChannel(options, session, channel);
    const version = await options.rightsVersion(channel);
    const grant: Grant = { role: "member", can: MEMBER_RIGHTS, version };
    if (grants.size >= options.remembered) {
      for (const oldest of grants.keys()) {
        grants.delete(oldest);
        break;
      }
    }
    grants.set(channel, grant);
    return grant;
  };

  return (session, channel, _right, age = "cached") => {
    const known = age === "cached" ? grants.get(channel) : undefined;
    return known ?? read(session, channel);
  };
}

async function ensureChannel(options: AuthoriseOptions, session: Session, channel: string): Promise<void> {
  if (channel.startsWith("dm:")) throw new ChatError("not_found", "no such channel", { channel });
  if (options.autoCreate) await options.createPublic(channel, session.user);
  else if (!(await options.channelExists(channel))) throw new ChatError("not_found", "no such channel", { channel });
}
