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
    if (this.#waiting.length === 0 && this.#mayBegin(isSend)) this.#begin(work);
    else this.#waiting.push({ work, isSend });
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
    this.#underWay += 1;
    this.#closed += 1;
    const end = (): void => this.#end(stand);
    const answered = work(stand);
    if (answered === undefined) end();
    else answered.then(end, end);
  }

  #end(stand: () => void): void {
    this.#underWay -= 1;
    stand();
    this.#goOn();
    if (this.#underWay > 0) return;
    this.#emptied();
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #goOn(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || !this.#mayBegin(next.isSend)) return;
      this.#waiting.shift();
      this.#begin(next.work);
    }
  }
}
