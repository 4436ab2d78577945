// Has every change of rights acted upon in the order of its number, each partition for itself: what its topic announces, what a
// look shows to be missing, and everything anew where that cannot be told any more. Made by main; the feed tells it what it
// hears. What a change means is for `act`.
// States of a partition: resting; busy (something is being acted upon, fetched or read: what comes meanwhile waits in order).

import { BEFORE_FIRST_ENTRY, compareEntryIds } from "@rookery/broker";
import type { ControlLog, EntryId, NumberedControl } from "@rookery/broker";
import type { Control } from "@rookery/protocol";
import { createFollower } from "./follower.ts";
import type { Shown } from "./follower.ts";

export interface Look extends Shown {
  readonly partition: number;
  /** By performance.now(), when it was sent. */
  readonly askedAtMs: number;
}

export interface Following {
  announced(this: void, control: NumberedControl): void;
  /** Everything announced before the look has been told by the topics, unless it was lost. */
  looked(this: void, look: Look): void;
  unwatched(this: void, partition: number): void;
}

export interface FollowingOptions {
  readonly log: ControlLog;
  /** How many sessions it closed or took out of their channel; at once where that is quickly done. */
  act(this: void, control: Control): number | Promise<number>;
  /** Believes nothing that is remembered of the partition. Rejects where it cannot be read now; then it is tried again. */
  readAnew(this: void, partition: number): Promise<number>;
  confirm(this: void, partition: number, number: EntryId, closed: number): void;
  /** What the look told has been acted upon. */
  current(this: void, look: Look): void;
  /** A look is wanted before the next one is due. */
  lookNow(this: void, partition: number): void;
  /** Nothing can change there meanwhile: what is remembered stands, and is read anew with each look until that works. */
  isPostgresAway(this: void): boolean;
  fault(this: void, error: unknown, what: string): void;
}

interface Lane {
  isBusy: boolean;
  /** Announced, in order. */
  waiting: NumberedControl[];
  /** The newest: it shows all that those before it showed. */
  look: Look | undefined;
}

/** In one partition. What is announced beyond that is fetched with the next look. */
const MOST_WAITING = 1000;

export function createFollowing(options: FollowingOptions): Following {
  const { log, act, readAnew, confirm, current, lookNow, isPostgresAway, fault } = options;
  const follower = createFollower();
  const lanes = new Map<number, Lane>();

  function laneOf(partition: number): Lane {
    const known = lanes.get(partition);
    if (known !== undefined) return known;
    const lane: Lane = { isBusy: false, waiting: [], look: undefined };
    lanes.set(partition, lane);
    return lane;
  }

  function acted({ partition, number }: NumberedControl, closed: number): void {
    follower.acted(partition, number);
    confirm(partition, number, closed);
  }

  /** One that cannot be acted upon stays unconfirmed and keeps no other back: with the next look everything is read anew. */
  function carryOut(control: NumberedControl): Promise<void> | undefined {
    const failed = (error: unknown): void => {
      fault(error, "a change of rights could not be acted upon");
      follower.lost(control.partition);
    };
    try {
      const closed = act(control.control);
      if (closed instanceof Promise) return closed.then((count) => acted(control, count)).catch(failed);
      acted(control, closed);
    } catch (error) {
      failed(error);
    }
    return undefined;
  }

  /** False where the log does not answer: the next look shows again what is missing. */
  async function fetchMissing(partition: number): Promise<boolean> {
    const after = follower.actedUpTo(partition) ?? BEFORE_FIRST_ENTRY;
    let missing: readonly NumberedControl[] | undefined;
    try {
      missing = await log.since(partition, after);
    } catch (error) {
      fault(error, "missing changes of rights cannot be fetched; they are with the next look");
      return false;
    }
    if (missing === undefined) {
      follower.lost(partition);
      lookNow(partition);
      return false;
    }
    for (const each of missing) {
      // The watch may have ended and begun anew meanwhile.
      const upTo = follower.actedUpTo(partition) ?? after;
      if (compareEntryIds(each.number, upTo) > 0) await carryOut(each);
    }
    return true;
  }

  function heard(control: NumberedControl): Promise<void> | undefined {
    const { partition, number } = control;
    switch (follower.announced(partition, number)) {
      case "act":
        return carryOut(control);
      case "missing":
        return fetchMissing(partition).then(() => undefined);
      case "known":
    }
    return undefined;
  }

  function compare(lane: Lane, look: Look): Promise<void> | undefined {
    const { partition, control } = look;
    switch (follower.compared(partition, look)) {
      case "began":
        // Whoever waits for a receipt waits for this node too, though there was nothing here to act upon.
        if (compareEntryIds(control, BEFORE_FIRST_ENTRY) > 0) confirm(partition, control, 0);
        current(look);
        break;
      case "current":
        current(look);
        break;
      case "missing":
        return fetchMissing(partition).then((isFetched) => {
          if (isFetched) lane.look ??= look;
        });
      case "anew":
        return startAnew(look);
    }
    return undefined;
  }

  async function startAnew(look: Look): Promise<void> {
    const { partition, control } = look;
    try {
      const closed = await readAnew(partition);
      follower.readAnew(partition, look);
      if (compareEntryIds(control, BEFORE_FIRST_ENTRY) > 0) confirm(partition, control, closed);
      current(look);
    } catch (error) {
      follower.lost(partition);
      fault(error, "rights cannot be read anew; it is tried again with the next look");
      if (isPostgresAway()) current(look);
    }
  }

  function next(lane: Lane): Promise<void> | "done" | undefined {
    const control = lane.waiting.shift();
    if (control !== undefined) return heard(control);
    const { look } = lane;
    lane.look = undefined;
    return look === undefined ? "done" : compare(lane, look);
  }

  function run(partition: number): void {
    const lane = laneOf(partition);
    if (lane.isBusy) return;
    lane.isBusy = true;
    let step = next(lane);
    while (step === undefined) step = next(lane);
    const rested = (): void => {
      lane.isBusy = false;
    };
    if (step === "done") {
      rested();
      return;
    }
    const goOn = (): void => {
      rested();
      run(partition);
    };
    step.then(goOn, (error: unknown) => {
      fault(error, "rights cannot be followed");
      goOn();
    });
  }

  return {
    announced(control) {
      const { waiting } = laneOf(control.partition);
      if (waiting.length < MOST_WAITING) waiting.push(control);
      run(control.partition);
    },
    looked(look) {
      laneOf(look.partition).look = look;
      run(look.partition);
    },
    unwatched(partition) {
      follower.unwatched(partition);
      const lane = lanes.get(partition);
      if (lane !== undefined) lane.look = undefined;
    },
  };
}
