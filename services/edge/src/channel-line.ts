// The line of one channel in one session: which of the session's commands may begin, so that their effects stand in the
// order in which they came. A send lets the next sends pass as soon as it stands in the publisher's queue, which keeps their
// order from there on; every other command waits for the answers to all before it, and all wait for it. Owned by a session
// while something is under way in the channel.
// States of a command: waiting, under way and closed (nothing passes), under way and standing (sends pass), answered.

/**
 * A command. Calls `stand` once later sends may pass it, if ever; answers what settles when it is answered, or nothing when
 * it already is. It answers for its own failures.
 */
export type Work = (stand: () => void) => Promise<void> | undefined;

interface Waiting {
  readonly work: Work;
  readonly isSend: boolean;
}

export class ChannelLine {
  #isGoing = false;
  #underWay = 0;
  /** Of those under way. */
  #closed = 0;
  #waiting: Waiting[] = [];
  #idle: (() => void)[] = [];
  readonly #emptied: () => void;

  /** `emptied` is called each time that nothing is left: the line may be forgotten. */
  constructor(emptied: () => void) {
    this.#emptied = emptied;
  }

  take(work: Work, isSend: boolean): void {
    this.#waiting.push({ work, isSend });
    this.#goOn();
  }

  /** Commands that have not begun. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves when everything taken so far, and whatever comes until then, is answered. */
  idle(): Promise<void> {
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #mayBegin(isSend: boolean): boolean {
    return (isSend ? this.#closed : this.#underWay) === 0;
  }

  #begin(work: Work): void {
    let isClosed = true;
    const stand = (): void => {
      if (!isClosed) return;
      isClosed = false;
      this.#closed -= 1;
      this.#goOn();
    };
    const end = (): void => {
      this.#underWay -= 1;
      if (isClosed) this.#closed -= 1;
      isClosed = false;
      this.#goOn();
    };
    this.#underWay += 1;
    this.#closed += 1;
    const answered = work(stand);
    if (answered === undefined) end();
    else answered.then(end, end);
  }

  /** A loop and no recursion: thousands may wait that are each done at once, and the first call takes them all. */
  #goOn(): void {
    if (this.#isGoing) return;
    this.#isGoing = true;
    for (let [next] = this.#waiting; next !== undefined && this.#mayBegin(next.isSend); [next] = this.#waiting) {
      this.#waiting.shift();
      this.#begin(next.work);
    }
    this.#isGoing = false;
    if (this.#underWay > 0) return;
    this.#emptied();
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
