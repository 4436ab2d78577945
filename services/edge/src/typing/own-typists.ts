// Who types on this edge, and what of it is announced to the others: the beginning and the end at once, that it goes on every
// other second, however often a client says so, and once more where an edge asks that has just begun to listen. Called by commands and by what ends a membership. Nothing is announced that
// nobody would hear. States of a user in a channel: absent; typing (announced, and again while it goes on); resting (said to have
// stopped, and not announced anew within a second); its own time ends it everywhere without a word from here.

import { encodeTyping, TYPING_TTL_MS } from "@rookery/protocol";
import type { Mode } from "@rookery/protocol";
import { createDueTimes } from "../due-times.ts";
import { createToldUsers } from "./told-users.ts";

/** What is needed of a session. */
export interface TypingSession {
  readonly id: string;
  readonly user: string;
  readonly name: string;
}

export interface OwnTypists {
  type(this: void, session: TypingSession, channel: string): void;
  /** It has stopped, sent, left or gone. Nothing happens where it is not this session that types. */
  stop(this: void, session: TypingSession, channel: string): void;
  /** An edge that has only begun to listen to the channel asks which of these users type here. */
  asked(this: void, channel: string, users: Iterable<string>): void;
  size(this: void): number;
  close(this: void): void;
}

export interface OwnTypistsOptions {
  modeOf(this: void, channel: string): Mode;
  isFull(this: void, channel: string): boolean;
  announce(this: void, channel: string, exclude: string, frame: string): void;
}

interface Own {
  readonly key: string;
  readonly channel: string;
  session: TypingSession;
  /** The client said so last. */
  saidMs: number;
  /** That it types was announced last. */
  announcedMs: number;
  isOn: boolean;
  /** It was said again for edges that asked. */
  repeatedMs: number;
  /** Until then members take the user for typing, as far as it was announced from here. */
  heardUntilMs: number;
}

/** Well within the time after which members take it for ended, and rarer than clients say so. */
const RENEWED_EVERY_MS = 2000;
/** Who stops and begins again and again costs each member two frames a second. */
const AGAIN_AFTER_MS = 1000;
/** Edges that ask at the same time are answered together. */
const REPEATED_EVERY_MS = 500;
const STEP_MS = 100;

export function createOwnTypists({ modeOf, isFull, announce }: OwnTypistsOptions): OwnTypists {
  const all = new Map<string, Own>();
  const digest = createToldUsers();
  const times = createDueTimes<Own>({ stepMs: STEP_MS, due: reconcile });
  const repeats = createDueTimes<Own>({ stepMs: STEP_MS, due: repeat });

  function mayAnnounce({ channel }: Own, isHeard: boolean): boolean {
    const mode = modeOf(channel);
    if (mode === "count" || (!isHeard && isFull(channel))) return false;
    return mode === "full" || digest.take(channel);
  }

  function say({ channel, session }: Own, on: boolean, ttlMs: number): void {
    const { user, name } = session;
    announce(channel, session.id, encodeTyping({ channel, user, name, on, ttlMs }));
  }

  function repeat(own: Own): void {
    repeats.delete(own);
    const nowMs = performance.now();
    if (!own.isOn || nowMs >= own.heardUntilMs || !mayAnnounce(own, true)) return;
    own.repeatedMs = nowMs;
    say(own, true, Math.max(1, Math.round(own.heardUntilMs - nowMs)));
  }

  /** Announces what may be announced by now, and comes back when there may be more. */
  function reconcile(own: Own): void {
    const nowMs = performance.now();
    const endsMs = own.saidMs + TYPING_TTL_MS;
    const isHeard = nowMs < own.heardUntilMs;
    const mayAgainMs = own.announcedMs + (isHeard ? RENEWED_EVERY_MS : AGAIN_AFTER_MS);
    if (nowMs >= (own.isOn ? endsMs : mayAgainMs)) {
      all.delete(own.key);
      return;
    }
    const isNews = own.isOn && (!isHeard || own.saidMs > own.announcedMs);
    if (isNews && nowMs >= mayAgainMs && mayAnnounce(own, isHeard)) {
      own.announcedMs = nowMs;
      own.heardUntilMs = endsMs;
      say(own, true, Math.max(1, Math.round(endsMs - nowMs)));
    }
    // What was not allowed now is tried with the client's next word.
    times.set(own, !own.isOn || (isNews && nowMs < mayAgainMs) ? mayAgainMs : endsMs);
  }

  return {
    type(session, channel) {
      const key = `${channel}|${session.user}`;
      let own = all.get(key);
      if (own === undefined) {
        if (modeOf(channel) === "count") return;
        const never = Number.NEGATIVE_INFINITY;
        own = {
          key,
          channel,
          session,
          saidMs: 0,
          announcedMs: never,
          repeatedMs: never,
          isOn: true,
          heardUntilMs: never,
        };
        all.set(key, own);
      }
      own.session = session;
      own.saidMs = performance.now();
      own.isOn = true;
      reconcile(own);
    },
    stop(session, channel) {
      // Asked for every message: most of them find nobody.
      if (all.size === 0) return;
      const own = all.get(`${channel}|${session.user}`);
      if (own?.session.id !== session.id || !own.isOn) return;
      own.isOn = false;
      if (performance.now() < own.heardUntilMs) say(own, false, 0);
      own.heardUntilMs = Number.NEGATIVE_INFINITY;
      reconcile(own);
    },
    asked(channel, users) {
      for (const user of users) {
        const own = all.get(`${channel}|${user}`);
        if (own === undefined || repeats.has(own)) continue;
        repeats.set(own, Math.max(performance.now(), own.repeatedMs + REPEATED_EVERY_MS));
      }
    },
    size: () => all.size,
    close() {
      times.close();
      repeats.close();
      digest.close();
    },
  };
}
