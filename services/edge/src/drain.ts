// A graceful end: nobody new, everybody told, everything that was taken answered, then closed in slices with 4000. Called
// once, by main's stop. What was acknowledged is in Redis; this file makes sure that what was taken is acknowledged.

import { encodeReconnect } from "@rookery/protocol";
import { pause } from "@rookery/runtime";
import type { EdgeContext } from "./context.ts";
import type { Door } from "./door.ts";
import type { Session } from "./session.ts";

const SLICES = 20;
/** Commands in flight end by their own deadlines; this only bounds a fault of ours. */
const IDLE_AT_MOST_MS = 3000;

export async function drain(edge: EdgeContext, door: Door, windowMs: number): Promise<void> {
  door.shut();
  const sessions = [...edge.hub.sessions.values(), ...edge.unidentified];
  edge.log.info({ sessions: sessions.length, windowMs }, "draining");
  const sliceMs = windowMs / SLICES;
  sessions.forEach((session, n) => {
    session.tell(encodeReconnect(Math.round(((n % SLICES) + Math.random()) * sliceMs)));
  });
  for (let slice = 0; slice < SLICES && edge.hub.counts().sessions + edge.unidentified.size > 0; slice += 1) {
    await closeSlice(sessions.filter((_, n) => n % SLICES === slice));
    if (slice < SLICES - 1 && edge.hub.counts().sessions > 0) await pause(sliceMs);
  }
}

async function closeSlice(sessions: readonly Session[]): Promise<void> {
  const idle = Promise.all(sessions.map((session) => session.idle()));
  await Promise.race([idle, pause(IDLE_AT_MOST_MS)]);
  for (const session of sessions) session.farewell("draining", performance.now());
}
