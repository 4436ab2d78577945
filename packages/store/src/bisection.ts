// Decides in which pieces a batch that Postgres refused is tried again, so that what it refuses is found by few statements:
// of one entry among a thousand, by one statement for each halving. Used by save-batch.ts. Pure.
// Must never pass over an entry: the pieces follow on each other, from the first entry to the last.
// States: the pieces still to be tried, in their order; each is known to hold what is refused, or nothing is known of it.

/** Entries from `from` on, up to and without `to`. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

export interface Bisection {
  /** What to try next; undefined when all are through. Asked again it answers the same until one of the others is called. */
  next(): Piece | undefined;
  /** It was committed. */
  taken(): void;
  /** Something in it was refused; only of a piece of more than one entry. */
  refused(): void;
  /** It was the one entry, and is done with. */
  buried(): void;
}

interface Waiting extends Piece {
  /** Whether it is known to hold something that is refused. */
  readonly isBad: boolean;
}

/** Of so many entries, of which one at least was refused. */
export function createBisection(entries: number): Bisection {
  let waiting: Waiting[] = halves({ from: 0, to: entries });
  let isSiblingNext = waiting.length > 1;
  let buried = 0;

  return {
    next() {
      for (let first = waiting[0]; first?.isBad === true && first.to - first.from > 1; first = waiting[0]) {
        waiting = [...halves(first), ...waiting.slice(1)];
        isSiblingNext = true;
      }
      return waiting[0];
    },
    taken() {
      const [, second, ...rest] = waiting;
      // What was refused as a whole and is not in its first half is in its second.
      waiting = second === undefined ? [] : [{ ...second, isBad: second.isBad || isSiblingNext }, ...rest];
      isSiblingNext = false;
    },
    refused() {
      const [first, ...rest] = waiting;
      if (first === undefined) return;
      waiting = [...halves(first), ...rest];
      isSiblingNext = true;
    },
    buried() {
      const rest = waiting.slice(1);
      isSiblingNext = false;
      buried += 1;
      // One among many is what comes: what stands behind it is tried together. Where there are more, it stays halved.
      const [next, last] = [rest[0], rest.at(-1)];
      waiting =
        buried > 1 || next === undefined || last === undefined ? rest : [{ ...next, to: last.to, isBad: false }];
    },
  };
}

function halves({ from, to }: Piece): Waiting[] {
  if (to - from < 2) return [{ from, to, isBad: true }];
  const middle = Math.ceil((from + to) / 2);
  return [
    { from, to: middle, isBad: false },
    { from: middle, to, isBad: false },
  ];
}
