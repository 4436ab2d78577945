// Counts probes that did not come back, of a connection to a master as of the topics of one partition: either may have
// become deaf alone. Owned by the pulse. Pure.
// States: calm, or trouble (told; until whatever was told of is heard again, only every tenth miss is told).

const MISSED_AT_FIRST = 2;
const MISSED_AGAIN = 10;

/** A partition by its number, a connection by its master's address. */
export type Listened = number | string;

export interface MissedProbes {
  returned(of: Listened): void;
  /** So many in a row, when that is to be told. */
  missed(of: Listened): number | undefined;
}

export function createMissedProbes(): MissedProbes {
  const inARow = new Map<Listened, number>();
  let trouble: Listened | undefined;
  return {
    returned(of) {
      inARow.delete(of);
      if (trouble === of) trouble = undefined;
    },
    missed(of) {
      const count = (inARow.get(of) ?? 0) + 1;
      inARow.set(of, count);
      if (count < (trouble === undefined ? MISSED_AT_FIRST : MISSED_AGAIN)) return undefined;
      trouble = of;
      // One lost connection silences everything within the same second: what was missed until now is told with this.
      inARow.clear();
      return count;
    },
  };
}
