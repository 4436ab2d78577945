// Owns chance that can be repeated: everything that a run leaves to it comes from one seed, which the run names.
// Pure. Moments of processes are not repeated by it: the same faults come in the same order after the same pauses.

export interface Random {
  /** A whole number from 0 to below the limit. */
  below(limit: number): number;
  /** One of several; throws when there is none. */
  pick<T>(from: readonly T[]): T;
  /** The same things in another order. */
  shuffled<T>(all: readonly T[]): T[];
}

/** Marsaglia's xorshift with 32 bits. */
export function createRandom(seed: number): Random {
  // A state of zero would stay zero.
  let state = seed | 0 || 1;
  const below = (limit: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
  const shuffled = <T>(all: readonly T[]): T[] => {
    const left = [...all];
    return all.flatMap(() => left.splice(below(left.length), 1));
  };
  return {
    below,
    shuffled,
    pick: (from) => {
      const [first] = shuffled(from);
      if (first === undefined) throw new Error("nothing to pick from");
      return first;
    },
  };
}
