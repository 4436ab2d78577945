// A graceful end: not ready any more, then its turn among the edges that go, then nobody new, everybody told, everything that
// was taken answered, and all closed in slices with 4000. Made by main, and run by its stop. What was acknowledged is in Redis;
// this file makes sure that what was taken is acknowledged.
// States are the stages of the table below, each passed once; a second signal ends the process in any of them.

import { encodeReconnect } from "@rookery/protocol";
import { pause } from "@rookery/runtime";
import type { EdgeContext } from "./context.ts";
import type { Door } from "./door.ts";
import type { Listener } from "./listener.ts";
import type { Session } from "./session.ts";

/** `noticing`: its balancer is to see that it is not ready; `waiting`: another edge goes first. Both serve as ever. */
export const DRAIN_STAGES = ["serving", "noticing", "waiting", "closing"] as const;
export type DrainStage = (typeof DRAIN_STAGES)[number];

export interface DrainParts {
  readonly door: Pick<Door, "shut">;
  readonly listener: Pick<Listener, "stopListening" | "hurry">;
  /** Resolves with whether it is this edge's turn, after so long at the latest. */
  turn(this: void, withinMs: number): Promise<boolean>;
}

export interface Drain {
  /** Resolves when everybody has been told to go. */
  run(this: void, parts: DrainParts): Promise<void>;
  stage(this: void): DrainStage;
  /** Of those who were connected when it began to close, how many have gone: from 0 to 1, NaN before. */
  goneShare(this: void): number;
  /** The longest that `run` takes. */
  readonly withinMs: number;
}

export interface DrainOptions {
  readonly edge: Pick<EdgeContext, "hub" | "unidentified" | "log" | "signals">;
  readonly balancerWaitMs: number;
  /** Over which clients are sent elsewhere. */
  readonly windowMs: number;
}

const SLICES = 20;
/** Commands in flight end by their own deadlines; this only bounds a fault of ours. */
const IDLE_AT_MOST_MS = 3000;
/** Beyond the windows: the last commands in flight and the last close. */
const SLACK_MS = 5000;

export function createDrain({ edge, balancerWaitMs, windowMs }: DrainOptions): Drain {
  let stage: DrainStage = "serving";
  let from = Number.NaN;
  const connected = (): number => edge.hub.counts().sessions + edge.unidentified.size;

  async function sendAway(): Promise<void> {
    const sessions = [...edge.hub.sessions.values(), ...edge.unidentified];
    from = sessions.length;
    edge.log.info({ sessions: from, windowMs }, "draining");
    const sliceMs = windowMs / SLICES;
    sessions.forEach((session, n) => {
      session.tell(encodeReconnect(Math.round(((n % SLICES) + Math.random()) * sliceMs)));
    });
    for (let slice = 0; slice < SLICES && connected() > 0; slice += 1) {
      await closeSlice(sessions.filter((_, n) => n % SLICES === slice));
      if (slice < SLICES - 1 && edge.hub.counts().sessions > 0) await pause(sliceMs);
    }
  }

  return {
    async run({ door, listener, turn }) {
      stage = "noticing";
      await pause(balancerWaitMs);
      stage = "waiting";
      // Nobody is there to come back elsewhere. Else the wait is bounded: whoever sends signals gives an edge only so much time.
      if (connected() > 0 && !(await turn(windowMs)))
        edge.log.warn({ windowMs }, "no turn to drain; it goes all the same");
      stage = "closing";
      listener.stopListening();
      listener.hurry();
      door.shut();
      // Whoever is closed now resumes elsewhere: until the lease has run out nobody left.
      edge.signals.attendance.hold();
      await sendAway();
    },
    stage: () => stage,
    goneShare: () => (from === 0 ? 1 : (from - connected()) / from),
    withinMs: balancerWaitMs + 2 * windowMs + SLACK_MS,
  };
}

async function closeSlice(sessions: readonly Session[]): Promise<void> {
  const idle = Promise.all(sessions.map((session) => session.idle()));
  await Promise.race([idle, pause(IDLE_AT_MOST_MS)]);
  for (const session of sessions) session.farewell("draining", performance.now());
}
