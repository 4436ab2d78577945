// The line of one partition for changes of presence: they wait here, go to Redis in runs, one run at a time, and stay until
// Redis has them. Called by node-presence.ts; what a run is on the wire is attend-run.ts' to know. Knows no Redis.
// Must never have a run on its way while another may still act: an enter without an answer must not land after a later leave.
// States: idle, due (a run begins within this turn), under way, pausing (Redis cannot be asked, or a run without an answer may
// still act), closed. Held: nothing goes but what is told first.
import { keyOf } from "./presence-change.ts";
import type { Change, PresenceAnswer, PresenceRun, Subject } from "./presence-change.ts";

export interface PresenceLineOptions {
  /** Sends a run; never rejects. */
  run(this: void, run: PresenceRun): Promise<PresenceAnswer>;
  /** The line has something to send: `begin` is to be called before this turn of the loop ends. */
  due(this: void, line: PresenceLine): void;
  /** Local time in ms. */
  clock(this: void): number;
  later(this: void, ms: number, work: () => void): void;
}

export interface PresenceLine {
  /** What waits of the same subject already becomes one with it. */
  add(change: Change): void;
  begin(): void;
  /** Lets nothing go from here on; what was to be told first is given up. */
  hold(): void;
  letGo(): void;
  /** Tells these, of one kind and no more than a run holds, before all that waits. False when that was given up. */
  tellFirst(run: PresenceRun): Promise<boolean>;
  /** Whether a change of it waits; not one that is on its way. */
  waits(subject: Subject): boolean;
  waiting(): number;
  /** Forgets all that waits: for whoever tells everything anew. */
  forget(): void;
  close(): void;
}

/** Redis does nothing else during a run: so many take about a millisecond. */
export const MOST_CHANGES = 100;
/** Before Redis is asked again that could not be asked, or found a run late twice. */
const PAUSE_MS = 100;

interface First {
  readonly run: PresenceRun;
  told(isTold: boolean): void;
}

export function createPresenceLine({ run, due, clock, later }: PresenceLineOptions): PresenceLine {
  const waiting = { attendance: new Map<string, Change>(), session: new Map<string, Change>() };
  let state: "idle" | "due" | "under way" | "pausing" | "closed" = "idle";
  let isHeld = false;
  let first: First | undefined;
  let lastKind: Subject["kind"] = "session";
  let wasLate = false;

  function wake(): void {
    const hasWork = first !== undefined || (!isHeld && waiting.attendance.size + waiting.session.size > 0);
    if (state !== "idle" || !hasWork) return;
    state = "due";
    due(line);
  }

  /** One that came later knows no better who is to be left out. */
  function add(change: Change, isOlder: boolean): void {
    const { kind } = change.subject;
    const key = keyOf(change.subject);
    const known = waiting[kind].get(key);
    if (known === undefined) {
      waiting[kind].set(key, change);
      return;
    }
    const [before, after] = isOlder ? [change, known] : [known, change];
    const waiters = [...before.waiters, ...after.waiters];
    waiting[kind].set(key, { subject: known.subject, exclude: before.exclude || after.exclude, waiters });
  }

  /** Kinds take turns where both wait. */
  function take(): PresenceRun | undefined {
    if (first !== undefined) return first.run;
    if (isHeld) return undefined;
    const other = lastKind === "session" ? "attendance" : "session";
    lastKind = waiting[other].size > 0 ? other : lastKind;
    const changes: Change[] = [];
    for (const [key, change] of waiting[lastKind]) {
      if (changes.length === MOST_CHANGES) break;
      changes.push(change);
      waiting[lastKind].delete(key);
    }
    return changes.length === 0 ? undefined : { changes, loud: true };
  }

  function pause(ms: number): void {
    state = "pausing";
    later(Math.max(0, ms), () => {
      if (state !== "pausing") return;
      state = "idle";
      wake();
    });
  }

  function ended(over: PresenceRun, mine: First | undefined, answer: PresenceAnswer): void {
    if (state === "closed") return;
    state = "idle";
    const isLateAgain = answer.kind === "late" && wasLate;
    wasLate = answer.kind === "late";
    if (answer.kind === "told") {
      over.changes.forEach(({ waiters }, at) => waiters.forEach((told) => told(answer.crowds[at])));
      if (mine !== undefined && first === mine) first = undefined;
      mine?.told(true);
    } else if (mine === undefined) {
      // What is told first stays first, or was given up by whoever tells it.
      for (const change of over.changes) add(change, true);
    }
    if (answer.kind === "unknown") pause(answer.actsUntilMs - clock());
    else if (answer.kind === "refused" || isLateAgain) pause(PAUSE_MS);
    wake();
  }

  const giveUp = (): void => {
    first?.told(false);
    first = undefined;
  };

  const line: PresenceLine = {
    add(change) {
      if (state === "closed") return;
      add(change, false);
      wake();
    },
    begin() {
      if (state !== "due") return;
      state = "idle";
      const mine = first;
      const taken = take();
      if (taken === undefined) return;
      state = "under way";
      run(taken).then(
        (answer) => ended(taken, mine, answer),
        () => ended(taken, mine, { kind: "refused" }),
      );
    },
    hold() {
      isHeld = true;
      giveUp();
    },
    letGo() {
      isHeld = false;
      wake();
    },
    tellFirst(some) {
      giveUp();
      if (state === "closed") return Promise.resolve(false);
      return new Promise((told) => {
        first = { run: some, told };
        wake();
      });
    },
    waits: (subject) => waiting[subject.kind].has(keyOf(subject)),
    waiting: () => waiting.attendance.size + waiting.session.size,
    forget() {
      waiting.attendance.clear();
      waiting.session.clear();
    },
    close() {
      state = "closed";
      giveUp();
      line.forget();
    },
  };
  return line;
}
