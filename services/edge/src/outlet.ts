// What goes to the server's own topics, and when: one queue for the whole edge, so that whatever waits for whatever reason
// keeps its order. Made by the listener. It must not touch a socket that dropped a frame before the loop has come round, and
// gives out nothing of a topic that may not go.
// States: passing (nothing waits, frames go as they come); gathering (frames wait for the end of the beat, which the first of
// them began); going (they go as fast as turns of the loop allow). No frame goes before the loop has come round once the turn
// has had its share, and above all none behind a dropped one: the layer takes later frames for a socket that lost one as soon
// as it has written some, and a client that got them would resume behind the hole. Its socket is taken out first.

import type { FrameBytes } from "@rookery/broker";
import type { Missed, Stand } from "./lanes/missed.ts";
import type { Pace } from "./pace.ts";
import type { Session } from "./session.ts";
import { createWaitingFrames } from "./waiting-frames.ts";

/** To every local subscriber of a native topic but `except`. `stand`: which positions of its channel are done with it. */
export type Publish = (topic: string, frame: FrameBytes, except?: Session, stand?: Stand) => void;

export interface Outlet {
  publish: Publish;
  /** A frame for this session was dropped: it is taken out before anything else is published. */
  dropped(session: Session): void;
  /** Nothing is gathered any more: what waits goes, and what comes goes as it comes. */
  hurry(this: void): void;
  /** Frames of some topics that might not go may go again: they go before what came after them. */
  resume(this: void): void;
}

/** Whether frames of the topic may go now. */
export type MayGo = (topic: string) => boolean;

/** The layer writes to a socket that has 32 frames in one turn, in the middle of it; fewer leave in one write. */
const FRAMES_A_TURN = 31;
/** Some seconds of what a busy edge hears: one that lies further behind cannot serve those it has. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

export interface OutletOptions {
  toTopic(this: void, topic: string, frame: FrameBytes, except: Session | undefined): void;
  /** What sockets were told before goes first; some may drop it, and say so before this returns. */
  writeTold(this: void): void;
  readonly pace: Pace;
  /** Told of all that goes out, and of the end of each turn in which something did. */
  readonly missed: Pick<Missed, "published" | "roundOver">;
  /** Of whoever dropped a frame, once the loop has come round. */
  takeOut(this: void, session: Session): void;
  /** Who is sent away when more waits than may, since what waits is given up with them. */
  everybody(this: void): Iterable<Session>;
  readonly mayGo?: MayGo | undefined;
}

export function createOutlet(options: OutletOptions): Outlet {
  const { toTopic, writeTold, pace, missed, takeOut, everybody, mayGo = () => true } = options;
  let waiting = createWaitingFrames();
  /** Taken from `waiting` in order, or come while nothing waited: of one topic, all are older than those that wait. */
  let stopped = createWaitingFrames();
  let state: "passing" | "gathering" | "going" = "passing";
  let isHurried = false;
  let beat: NodeJS.Timeout | undefined;
  let slow: Session[] = [];
  let givenUp: Session[] = [];
  let publishedInTurn = 0;
  let isRoundAwaited = false;

  const isHeldUp = (): boolean => slow.length > 0 || givenUp.length > 0 || publishedInTurn >= FRAMES_A_TURN;
  function mayPublish(): boolean {
    if (isHeldUp()) return false;
    writeTold();
    return !isHeldUp();
  }

  function awaitRound(): void {
    if (isRoundAwaited) return;
    isRoundAwaited = true;
    setImmediate(comeRound);
  }

  function comeRound(): void {
    isRoundAwaited = false;
    publishedInTurn = 0;
    const [out, gone] = [slow, givenUp];
    [slow, givenUp] = [[], []];
    for (const session of out) takeOut(session);
    for (const session of gone) session.farewell("slow", performance.now());
    missed.roundOver();
    if (state === "going") go();
  }

  function give(topic: string, frame: FrameBytes, except: Session | undefined, stand: Stand | undefined): void {
    publishedInTurn += 1;
    // Before a socket may drop it: the layer may do so, and say so, in here.
    if (stand !== undefined) missed.published(stand);
    toTopic(topic, frame, except);
    awaitRound();
  }

  function go(): void {
    clearTimeout(beat);
    state = "going";
    while (waiting.count > 0 && mayPublish()) {
      const next = waiting.takeFirst();
      if (next === undefined) break;
      if (mayGo(next.topic)) give(next.topic, next.frame, next.except, next.stand);
      else stopped.add(next);
    }
    if (waiting.count === 0) state = "passing";
  }

  /** Nobody may miss a frame and stay: all resume, here or elsewhere, from what they have. */
  function giveUp(): void {
    waiting.clear();
    stopped.clear();
    givenUp = [...everybody()];
    awaitRound();
    go();
  }

  return {
    publish(topic, frame, except, stand) {
      if (state === "passing" && !mayGo(topic)) {
        stopped.add({ topic, frame, except, stand });
        if (stopped.heldBytes > MAX_HELD_BYTES) giveUp();
        return;
      }
      if (state === "passing") {
        const beatMs = isHurried ? 0 : pace.beatMs();
        if (beatMs === 0 && mayPublish()) {
          give(topic, frame, except, stand);
          return;
        }
        state = beatMs === 0 ? "going" : "gathering";
        if (beatMs > 0) beat = setTimeout(go, beatMs);
      }
      waiting.add({ topic, frame, except, stand });
      if (waiting.heldBytes + stopped.heldBytes > MAX_HELD_BYTES) giveUp();
      else if (state === "gathering" && waiting.count >= FRAMES_A_TURN) go();
    },
    dropped(session) {
      slow.push(session);
      awaitRound();
    },
    resume() {
      if (stopped.count === 0) return;
      const first = stopped;
      stopped = createWaitingFrames();
      for (let next = waiting.takeFirst(); next !== undefined; next = waiting.takeFirst()) first.add(next);
      waiting = first;
      if (state !== "gathering") go();
    },
    hurry() {
      isHurried = true;
      if (state === "gathering") go();
    },
  };
}
