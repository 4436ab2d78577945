// Announces what has no position and needs no script: an edge's own signals, through the channel's topic. Fire and forget: a
// signal that is lost is missed by nobody, one that waits for Redis is worth nothing. It must never stand in the way of a command.
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { TypingEnvelope } from "./envelope.ts";
import type { Keys } from "./keys.ts";
import { packSignal } from "./pack-signal.ts";

export interface Signals {
  /** `exclude`: id of the session that must not get it, or "". Never throws, and tells nobody whether it went. */
  send(this: void, channel: string, kind: TypingEnvelope["kind"], exclude: string, frame: string): void;
}

/** Without an answer yet: beyond this Redis is slow, and signals are what it can do without. */
const MOST_UNANSWERED = 1000;

export function createSignals({ connection, keys }: { connection: RedisConnection; keys: Keys }): Signals {
  let unanswered = 0;
  const answered = (): void => void (unanswered -= 1);
  return {
    send(channel, kind, exclude, frame) {
      if (!isReady(connection) || unanswered >= MOST_UNANSWERED) return;
      unanswered += 1;
      connection.spublish(keys.channel(channel).topic, packSignal(kind, exclude, frame)).then(answered, answered);
    },
  };
}
