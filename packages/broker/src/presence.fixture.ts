// A node's people held in memory, for tests of presence: who has how many connections in which channel, and which sessions. What
// is told of them is in order by itself, since everybody asks here.
import { COUNT_ABOVE_MEMBERS, DIGEST_ABOVE_MEMBERS } from "@rookery/protocol";
import type { CrowdRules } from "./crowd.ts";
import type { NodeIdentity } from "./node-presence.ts";
import type { LocalTruth, SessionRecord } from "./presence.ts";

export const RULES: CrowdRules = { version: 0, digestAbove: DIGEST_ABOVE_MEMBERS, countAbove: COUNT_ABOVE_MEMBERS };

export interface People extends LocalTruth {
  /** By channel, then user. */
  readonly inChannels: Map<string, Map<string, number>>;
  /** By session. */
  readonly connected: Map<string, SessionRecord & { readonly user: string }>;
  names: (user: string) => string;
  rules: CrowdRules;
  /** Adds so many connections; a user with none left is gone. */
  add(channel: string, user: string, connections: number): void;
}

export function createPeople(): People {
  const inChannels = new Map<string, Map<string, number>>();
  const connected = new Map<string, SessionRecord & { readonly user: string }>();
  const people: People = {
    inChannels,
    connected,
    names: (user) => `${user}'s name`,
    rules: RULES,
    add(channel, user, connections) {
      const users = inChannels.get(channel) ?? new Map<string, number>();
      const left = (users.get(user) ?? 0) + connections;
      if (left > 0) users.set(user, left);
      else users.delete(user);
      if (users.size > 0) inChannels.set(channel, users);
      else inChannels.delete(channel);
    },
    attendance(channel, user) {
      const connections = inChannels.get(channel)?.get(user);
      return connections === undefined ? undefined : { connections, name: people.names(user), rules: people.rules };
    },
    session(user, session) {
      const known = connected.get(session);
      return known?.user === user ? known : undefined;
    },
    channels: () => inChannels.keys(),
    usersIn: (channel) => inChannels.get(channel)?.keys() ?? [],
    sessions: () => Array.from(connected, ([session, { user }]) => [user, session] as const),
  };
  return people;
}

/** `<name>.1`, then `<name>.2`. */
export function createIdentity(name: string): NodeIdentity & { readonly taken: readonly string[] } {
  const taken = [`${name}.1`];
  const told: (() => void)[] = [];
  const current = (): string => taken.at(-1) ?? "";
  return {
    taken,
    current,
    renew() {
      taken.push(`${name}.${taken.length + 1}`);
      for (const tell of told) tell();
      return current();
    },
    onRenew: (tell) => void told.push(tell),
  };
}
