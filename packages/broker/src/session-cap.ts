// Keeps the number of a user's sessions in the cluster within its cap: when one came although there were as many, the oldest are
// told to go, by an order to the node that has them. Called by node-presence.ts with what sessions.lua found.
// States of a user: resting, or waited for, until what ended at the same moment is known too.
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import type { KnownSession } from "./presence.ts";
import { packReplaced } from "./replaced-session.ts";
import { readSession } from "./session-record.ts";

export interface SessionCapOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly sessionsPerUser: number;
  later(this: void, ms: number, work: () => void): void;
}

export interface SessionCap {
  /** The session came although its user had as many. */
  exceeded(this: void, user: string, session: string): void;
}

/** Who reloads a page comes to one node before another has told that they left it: nodes gather what they tell for 100 ms. */
const SETTLED_MS = 400;

export function createSessionCap({ connection, keys, sessionsPerUser, later }: SessionCapOptions): SessionCap {
  const waitedFor = new Map<string, string>();

  async function look(user: string, newcomer: string): Promise<void> {
    const { partition, sessions } = keys.user(user);
    const held = Object.entries(await connection.hgetall(sessions));
    const known = held.flatMap(([session, record]) => readSession(session, record) ?? []);
    for (const { session, node } of surplusOf(known, sessionsPerUser, newcomer))
      await connection.spublish(keys.partition(partition).probe(node), packReplaced(session));
  }

  return {
    exceeded(user, session) {
      const isWaitedFor = waitedFor.has(user);
      waitedFor.set(user, session);
      if (isWaitedFor) return;
      later(SETTLED_MS, () => {
        const newcomer = waitedFor.get(user) ?? session;
        waitedFor.delete(user);
        // What is lost here is found when the user's next session comes.
        look(user, newcomer).catch(() => undefined);
      });
    },
  };
}

/** The oldest beyond the cap, by their nodes' clocks; never the one that came last, whatever its node's clock says. */
export function surplusOf(sessions: readonly KnownSession[], cap: number, newcomer: string): KnownSession[] {
  const others = sessions.filter(({ session }) => session !== newcomer);
  const oldestFirst = others.toSorted(
    (one, other) => one.since - other.since || (one.session < other.session ? -1 : 1),
  );
  return oldestFirst.slice(0, Math.max(0, sessions.length - cap));
}
