// Who is present by way of this node, read from what the node holds anyway: hub, sessions and graces. Asked again and again by
// what tells Redis, so nothing is kept for it: an idle member costs it no memory.

import type { CrowdRules, LocalTruth } from "@rookery/broker";
import type { Hub } from "../hub.ts";
import type { Session } from "../session.ts";
import type { Graces } from "./graces.ts";

export interface LocalTruthOptions {
  readonly hub: Pick<Hub<Session>, "membersOf" | "sessionsOf" | "sessions">;
  readonly graces: Pick<Graces, "nameOf" | "channels" | "usersIn">;
  /** Every channel with a member here; more do no harm. */
  channels(this: void): Iterable<string>;
  crowdRules(this: void, channel: string): CrowdRules;
  /** Of an address, what may be told of it. */
  hashAddress(this: void, address: string): string;
}

export function createLocalTruth(options: LocalTruthOptions): LocalTruth {
  const { hub, graces, crowdRules, hashAddress } = options;
  return {
    attendance(channel, user) {
      let connections = 0;
      let name = graces.nameOf(channel, user);
      for (const session of hub.sessionsOf(user)) {
        if (!session.channels.has(channel)) continue;
        connections += 1;
        // The one that came last tells the name.
        name = session.name;
      }
      if (name === undefined) return undefined;
      return { connections: Math.max(1, connections), name, rules: crowdRules(channel) };
    },
    session(user, id) {
      const session = hub.sessions.get(id);
      if (session?.user !== user) return undefined;
      const since = Math.round(performance.timeOrigin + session.openedAtMs);
      return { since, address: hashAddress(session.address), client: session.client, name: session.name };
    },
    *channels() {
      yield* options.channels();
      yield* graces.channels();
    },
    *usersIn(channel) {
      for (const { user } of hub.membersOf(channel)) yield user;
      yield* graces.usersIn(channel);
    },
    *sessions() {
      for (const { user, id } of hub.sessions.values()) yield [user, id];
    },
  };
}
