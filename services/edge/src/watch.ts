// Which partitions this edge watches: those whose rights, watermarks and heads matter to somebody here. Whoever is about to
// rely on a partition holds it first; what only has to be looked at (channels that linger, sends that wait) is found by `isNeeded`.
// Made by the feed, whose pulse looks at what is watched each second. It reads no rights and delivers nothing.
// States of a partition: unwatched, asked (its first look is under way; holders, if there are any, wait), watched. What was remembered of it
// is doubted at its end, so that nothing is believed that may have changed while nobody here was listening.

/** The one whose keys concern everybody: always watched. */
const COMMON = 0;

export interface Watch {
  /**
   * To be given back whatever comes of it. Undefined when the partition is watched already, else a promise of its first look,
   * which rejects with ChatError `unavailable`. Rights read after it are current for as long as the hold lasts.
   */
  hold(partition: number): Promise<void> | undefined;
  /** The same for whoever holds it already. */
  ready(partition: number): Promise<void> | undefined;
  /** Gives one hold back. */
  release(partition: number): void;
  /** Whether somebody relies on it, or is about to: also where whoever asked for its first look has gone again meanwhile. */
  isWanted(this: void, partition: number): boolean;
  /** Those to look at now. What nobody needs any more has ended with this call. */
  due(): readonly number[];
  /** How many are watched. */
  size(this: void): number;
}

export interface WatchOptions {
  readonly count: number;
  /** Of each, in order; each resolves when that partition has been looked at. */
  look(this: void, partitions: readonly number[]): readonly Promise<void>[];
  /** Whether somebody needs it who does not hold it. */
  isNeeded(this: void, partition: number): boolean;
  /** Some that were not watched have been looked at for the first time. */
  began(this: void): void;
  ended(this: void, partition: number): void;
}

export function createWatch({ count, look, isNeeded, began, ended }: WatchOptions): Watch {
  const all = Array.from({ length: count }, (_, partition) => partition);
  const holders = all.map(() => 0);
  const watched = all.map(() => false);
  const firstLooks = new Map<number, Promise<void>>();
  let fresh: { readonly partition: number; resolve: (look: Promise<void>) => void }[] = [];

  const wanted = (partition: number): boolean =>
    partition === COMMON || (holders[partition] ?? 0) > 0 || isNeeded(partition);

  /** Those of one turn of the loop are looked at together. */
  function firstLook(partition: number): Promise<void> {
    const pending = firstLooks.get(partition);
    if (pending !== undefined) return pending;
    if (fresh.length === 0) setImmediate(lookAtFresh);
    const looked = new Promise<void>((resolve) => fresh.push({ partition, resolve }));
    const first = looked.then(
      () => {
        firstLooks.delete(partition);
        watched[partition] = true;
      },
      (error: unknown) => {
        firstLooks.delete(partition);
        throw error;
      },
    );
    firstLooks.set(partition, first);
    return first;
  }

  function lookAtFresh(): void {
    const some = fresh;
    fresh = [];
    const looks = look(some.map(({ partition }) => partition));
    for (const [n, { resolve }] of some.entries()) resolve(looks[n] ?? Promise.resolve());
    // Whichever is first; where all failed there is nothing to begin.
    Promise.any(looks).then(began, () => undefined);
  }

  const add = (partition: number, holds: number): void => {
    holders[partition] = (holders[partition] ?? 0) + holds;
  };

  const ready = (partition: number): Promise<void> | undefined =>
    watched[partition] === true ? undefined : firstLook(partition);

  return {
    hold(partition) {
      add(partition, 1);
      return ready(partition);
    },
    ready,
    release: (partition) => add(partition, -1),
    isWanted: (partition) => firstLooks.has(partition) || wanted(partition),
    due() {
      return all.filter((partition) => {
        const isWanted = wanted(partition);
        if (watched[partition] === true && !isWanted) {
          watched[partition] = false;
          ended(partition);
        } else if (watched[partition] !== true && isWanted) {
          // Tried again with the next call of the pulse.
          firstLook(partition).catch(() => undefined);
        }
        return watched[partition] === true;
      });
    },
    size: () => watched.filter(Boolean).length,
  };
}
