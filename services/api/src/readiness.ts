// Whether a client is better off with this api than with nothing, for balancers: with one of its two stores away it goes
// on answering what needs only the other (tokens by Postgres alone; messages of known channels by Redis alone) and says
// `unavailable` to the rest, which is better than an empty balancer, since every api has the same stores. Started by main.
// Not ready: until each store has served once since the start, so that a rollout with a wrong address replaces nobody;
// while neither serves. States: begun (some store is still to be seen), served.
import type { Look } from "@rookery/node";

export interface StoreLooks {
  /** What keeps Redis from serving, in one line, or undefined. */
  redisTrouble(this: void): string | undefined;
  /** The same of Postgres, which is asked. */
  postgresTrouble(this: void): Promise<string | undefined>;
  /** Whether Postgres answered when it was last asked for anything. */
  isPostgresThere(this: void): boolean;
}

/** What is looked at as `stores`. */
export function createStoresLook({ redisTrouble, postgresTrouble, isPostgresThere }: StoreLooks): Look {
  const unseen = new Set(["Redis", "Postgres"]);

  return async () => {
    const isRedisThere = redisTrouble() === undefined;
    if (isRedisThere) unseen.delete("Redis");
    // One that is frozen keeps whoever asks it waiting: so it is asked only when something hangs on the answer.
    if (unseen.has("Postgres") || !isRedisThere) await postgresTrouble();
    if (isPostgresThere()) unseen.delete("Postgres");
    if (unseen.size > 0) return `not seen since the start: ${[...unseen].join(", ")}`;
    return isRedisThere || isPostgresThere() ? undefined : "neither Redis nor Postgres serves";
  };
}
