// Tries at what may be guessed, counted for the whole cluster: a password of a channel, by user and by address. Called by edge and
// api before the costly work, so that a wrong guess costs the guesser and not us.
// Must never let one pass that it could not count.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface Tries {
  /**
   * Counts one try against each of these scopes, against all of them or none: answers 0, or the ms until there may be
   * another. `most` in a window that begins with the first. Rejects with ChatError `unavailable`.
   */
  take(this: void, scopes: readonly string[], most: number, windowMs: number): Promise<number>;
  /** The try counted last was no wrong guess, and is counted no longer. Rejects with ChatError `unavailable`. */
  giveBack(this: void, scopes: readonly string[]): Promise<void>;
}

export function createTries({ connection, keys }: { connection: RedisConnection; keys: Keys }): Tries {
  async function run(scopes: readonly string[], most: number, windowMs: number, back: 0 | 1): Promise<number> {
    const names = scopes.map((scope) => keys.tries(scope));
    return Number(
      await answered(connection, () => connection.rookeryTakeTry(names.length, ...names, most, windowMs, back)),
    );
  }

  const giveBack = async (scopes: readonly string[]): Promise<void> => {
    for (const scope of scopes) await run([scope], 0, 0, 1);
  };

  return {
    giveBack,
    async take(scopes, most, windowMs) {
      if (scopes.length === 0) return 0;
      if (!connection.isCluster) return run(scopes, most, windowMs, 0);
      // One key a slot there. One after the other: what was counted before a refusal is given back.
      const counted: string[] = [];
      for (const scope of scopes) {
        const waitMs = await run([scope], most, windowMs, 0);
        if (waitMs > 0) {
          await giveBack(counted);
          return waitMs;
        }
        counted.push(scope);
      }
      return 0;
    },
  };
}
