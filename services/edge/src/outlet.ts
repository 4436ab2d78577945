// What goes to the server's own topics, and when: one queue for the whole edge, so that whatever waits for whatever reason
// keeps its order. Called by the listener. It must not end a socket before the loop has come round.
// States: passing (nothing waits, frames go as they come); gathering (frames wait for the end of the beat, which the first of
// them began); going (they go as fast as turns of the loop allow). No frame goes before the loop has come round once the turn
// has had its share, and above all none behind a dropped one: the layer takes later frames for a socket that lost one as soon
// as it has written some, and a client that got them would resume behind the hole. Its socket is taken out first.

import type { FrameBytes } from "@rookery/broker";
import type { Pace } from "./pace.ts";
import type { Session } from "./session.ts";
import { createWaitingFrames } from "./waiting-frames.ts";

/** To every local subscriber of a native topic but `except`. */
export type Publish = (topic: string, frame: FrameBytes, except?: Session) => void;

export interface Outlet {
  publish: Publish;
  /** A frame for this session was dropped: it is sent away before anything else is published. */
  dropped(session: Session): void;
  /** Nothing is gathered any more: what waits goes, and what comes goes as it comes. */
  hurry(this: void): void;
}

/** The layer writes to a socket that has 32 frames in one turn, in the middle of it; fewer leave in one write. */
const FRAMES_A_TURN = 31;
/** Some seconds of what a busy edge hears: one that lies further behind cannot serve those it has. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/** `everybody`: who is sent away, as slow readers are, when more waits than may, since what waits is given up with them. */
export function createOutlet(toTopic: Publish, pace: Pace, everybody: () => Iterable<Session>): Outlet {
  const waiting = createWaitingFrames();
  let state: "passing" | "gathering" | "going" = "passing";
  let isHurried = false;
  let beat: NodeJS.Timeout | undefined;
  let slow: Session[] = [];
  let publishedInTurn = 0;
  let isRoundAwaited = false;

  const mayPublish = (): boolean => slow.length === 0 && publishedInTurn < FRAMES_A_TURN;

  function awaitRound(): void {
    if (isRoundAwaited) return;
    isRoundAwaited = true;
    setImmediate(comeRound);
  }

  function comeRound(): void {
    isRoundAwaited = false;
    publishedInTurn = 0;
    const gone = slow;
    slow = [];
    for (const session of gone) session.farewell("slow", performance.now());
    if (state === "going") go();
  }

  function give(topic: string, frame: FrameBytes, except: Session | undefined): void {
    publishedInTurn += 1;
    awaitRound();
    toTopic(topic, frame, except);
  }

  function go(): void {
    clearTimeout(beat);
    state = "going";
    while (waiting.count > 0 && mayPublish()) {
      const next = waiting.takeFirst();
      if (next !== undefined) give(next.topic, next.frame, next.except);
    }
    if (waiting.count === 0) state = "passing";
  }

  /** Nobody may miss a frame and stay: all resume, here or elsewhere, from what they have. */
  function giveUp(): void {
    waiting.clear();
    for (const session of everybody()) slow.push(session);
    awaitRound();
    go();
  }

  return {
    publish(topic, frame, except) {
      if (state === "passing") {
        const beatMs = isHurried ? 0 : pace.beatMs();
        if (beatMs === 0 && mayPublish()) {
          give(topic, frame, except);
          return;
        }
        state = beatMs === 0 ? "going" : "gathering";
        if (beatMs > 0) beat = setTimeout(go, beatMs);
      }
      waiting.add(topic, frame, except);
      if (waiting.heldBytes > MAX_HELD_BYTES) giveUp();
      else if (state === "gathering" && waiting.count >= FRAMES_A_TURN) go();
    },
    dropped(session) {
      slow.push(session);
      awaitRound();
    },
    hurry() {
      isHurried = true;
      if (state === "gathering") go();
    },
  };
}
