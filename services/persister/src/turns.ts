// Which partitions the next read asks. While there is little, all of them: what comes is found at once. In a backlog a few
// at a time, each deeply, and the others by turns: batches that share no partition go side by side, and what is done once a
// partition and batch (its position, its save script, the heads of its channels) is done for many entries.
// Used by drain.ts. Pure.
// States: calm, or behind in some partitions, which stand in the order in which they come next.

export interface Turn {
  readonly partitions: readonly number[];
  /** Nothing is known to wait: the read may wait for the first entry. */
  readonly isCalm: boolean;
}

export interface Turns {
  next(readable: readonly number[]): Turn;
  /** Nothing is known to wait in these: what another persister has taken over is not this one's to wait for. */
  isCalm(readable: readonly number[]): boolean;
  /** What a read of these gave: how many entries of each, by a limit for all. */
  learn(partitions: readonly number[], counts: ReadonlyMap<number, number>, limit: number): void;
}

/** In one batch: 250 entries each of a batch of 1,000. Fewer save nothing more, and one large channel would hold up more. */
const MOST_AT_ONCE = 4;
/** A batch in Postgres, another on its way there and one being read share no partition where there are as many. */
const BATCHES_AT_ONCE = 3;
/** Of so many reads one asks those that are not behind: what comes there waits for a few batches. */
const SWEEP_EVERY = 4;

export function createTurns(): Turns {
  let behind: number[] = [];
  let reads = 0;

  return {
    next(readable) {
      const isReadable = new Set(readable);
      const waiting = behind.filter((partition) => isReadable.has(partition));
      if (waiting.length < 2) return { partitions: readable, isCalm: waiting.length === 0 };
      reads += 1;
      const isWaiting = new Set(waiting);
      const others = readable.filter((partition) => !isWaiting.has(partition));
      if (reads % SWEEP_EVERY === 0 && others.length > 0) return { partitions: others, isCalm: false };
      const atOnce = Math.min(MOST_AT_ONCE, Math.ceil(waiting.length / BATCHES_AT_ONCE));
      return { partitions: waiting.slice(0, atOnce), isCalm: false };
    },
    isCalm: (readable) => !readable.some((partition) => behind.includes(partition)),
    learn(partitions, counts, limit) {
      const asked = new Set(partitions);
      const share = Math.max(1, Math.floor(limit / partitions.length));
      const full = partitions.filter((partition) => (counts.get(partition) ?? 0) >= share);
      behind = [...behind.filter((partition) => !asked.has(partition)), ...full];
    },
  };
}
