// Whether somebody drains another Redis into the same Postgres right now. Fed by belonging.ts with what Postgres lists.
// A life that is listed proves nothing: its last persister may just have died. Nor does a word: each persister reads the
// life in its Redis before each word, so one of each may be on its way when that Redis loses its data. Several words, at
// several looks after we read another life in ours, prove it. Pure.

/** A Redis that persisters drain, as they told Postgres. */
export interface DrainedLife {
  readonly life: string;
  /** Grows with every word of a persister. */
  readonly beats: number;
  /** Since when there was no pause, ms by the clock of Postgres. */
  readonly since: number;
}

export interface Rivals {
  /** What is listed, after our own life was read in our Redis; undefined in an empty one. */
  see(lives: readonly DrainedLife[], own: string | undefined): void;
  /** Whether another life than our own is proved to be drained, and for longer than ours: the younger one has to yield. */
  isOlderAlive(): boolean;
}

const WORDS_THAT_PROVE = 3;

export function createRivals(): Rivals {
  const words = new Map<string, number>();
  let latest: readonly DrainedLife[] = [];
  let own: string | undefined;
  return {
    see(lives, life) {
      if (life !== own) {
        words.clear();
        latest = [];
      }
      own = life;
      for (const each of lives) {
        const before = latest.find((known) => known.life === each.life);
        if (before !== undefined && before.beats !== each.beats) words.set(each.life, (words.get(each.life) ?? 0) + 1);
      }
      latest = lives;
    },
    isOlderAlive() {
      const ours = latest.find(({ life }) => life === own);
      return latest.some(
        (each) =>
          each.life !== own &&
          (words.get(each.life) ?? 0) >= WORDS_THAT_PROVE &&
          (ours === undefined || each.since < ours.since || (each.since === ours.since && each.life < ours.life)),
      );
    },
  };
}
