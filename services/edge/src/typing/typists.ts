// Who types in the channels of this edge, as was announced by whichever edge they are on. Each edge ends a typist for its own
// members when the time has passed, so that one whose edge died types no longer than that. Fed by topics, asked by joins.
// States of a typist: absent, typing and told, typing untold (a large channel is told of a few).
// Bounded: so many in a channel, whatever is announced; a channel in which nobody types costs nothing.

import type { TypingEnvelope } from "@rookery/broker";
import { encodeTyping, TYPING_TTL_MS } from "@rookery/protocol";
import type { Mode } from "@rookery/protocol";
import type { PlainCount } from "@rookery/runtime";
import { createDueTimes } from "../due-times.ts";
import { parsedObject } from "../parsed-object.ts";
import { createToldUsers } from "./told-users.ts";

export interface Typists {
  announced(this: void, channel: string, heard: Pick<TypingEnvelope, "frame" | "exclude">): void;
  /** Finished frames for somebody who has just joined: who types, and for how long still, this user left out. */
  framesFor(this: void, channel: string, user: string): string[];
  /** Whom members are shown to type, this user left out. */
  shownTo(this: void, channel: string, user: string): readonly Named[];
  usersIn(this: void, channel: string): Iterable<string>;
  /** Whether one more would be heard: nobody tells of more than anybody keeps. */
  isFull(this: void, channel: string): boolean;
  /** The channel is not listened to any more. */
  unheard(this: void, channel: string): void;
  size(this: void): number;
  close(this: void): void;
}

export interface TypistsOptions {
  modeOf(this: void, channel: string): Mode;
  /** To every local member but that session. */
  signal(this: void, channel: string, frame: string | Uint8Array, exclude: string): void;
  /** There is too much to do: nobody is told. */
  isShed(this: void): boolean;
  readonly told: PlainCount;
}

export interface Named {
  readonly user: string;
  readonly name: string;
}

interface Typist {
  readonly channel: string;
  readonly user: string;
  name: string;
  /** The session that types. */
  exclude: string;
  endsMs: number;
  isTold: boolean;
}

/** As many as may be present before a channel is told in digests, where the default stands. */
const MOST_IN_CHANNEL = 100;
const STEP_MS = 100;

export function createTypists({ modeOf, signal, isShed, told }: TypistsOptions): Typists {
  const channels = new Map<string, Map<string, Typist>>();
  const digest = createToldUsers();
  const times = createDueTimes<Typist>({ stepMs: STEP_MS, due: (typist) => end(typist, endFrame(typist)) });

  function tell(channel: string, frame: string | Uint8Array, exclude: string): void {
    if (isShed()) return;
    told.n += 1;
    signal(channel, frame, exclude);
  }

  function end(typist: Typist, frame: string | Uint8Array): void {
    const { channel, user, exclude, isTold } = typist;
    times.delete(typist);
    const typists = channels.get(channel);
    typists?.delete(user);
    if (typists?.size === 0) channels.delete(channel);
    if (isTold) tell(channel, frame, exclude);
  }

  function begin(channel: string, user: string): Typist | undefined {
    const typists = channels.get(channel) ?? new Map<string, Typist>();
    const known = typists.get(user);
    if (known !== undefined || typists.size >= MOST_IN_CHANNEL) return known;
    const typist = { channel, user, name: "", exclude: "", endsMs: 0, isTold: false };
    typists.set(user, typist);
    channels.set(channel, typists);
    return typist;
  }

  function mayTell(channel: string): boolean {
    const mode = modeOf(channel);
    return mode === "full" || (mode === "digest" && digest.take(channel));
  }

  const shownTo = (channel: string, user: string): Typist[] =>
    [...(channels.get(channel)?.values() ?? [])].filter((each) => each.isTold && each.user !== user);

  return {
    announced(channel, { frame, exclude }) {
      const heard = readTyping(frame);
      if (heard === undefined) return;
      const { user, name, on, ttlMs } = heard;
      if (!on) {
        const known = channels.get(channel)?.get(user);
        if (known !== undefined) end(known, frame);
        return;
      }
      const typist = modeOf(channel) === "count" ? undefined : begin(channel, user);
      if (typist === undefined) return;
      Object.assign(typist, { name, exclude, endsMs: performance.now() + ttlMs });
      times.set(typist, typist.endsMs);
      if (!mayTell(channel)) return;
      typist.isTold = true;
      tell(channel, frame, exclude);
    },
    framesFor(channel, user) {
      const nowMs = performance.now();
      return shownTo(channel, user).map((each) => onFrame(each, Math.max(1, Math.round(each.endsMs - nowMs))));
    },
    shownTo: (channel, user) => shownTo(channel, user).map(({ user: typist, name }) => ({ user: typist, name })),
    usersIn: (channel) => channels.get(channel)?.keys() ?? [],
    isFull: (channel) => (channels.get(channel)?.size ?? 0) >= MOST_IN_CHANNEL,
    unheard(channel) {
      for (const typist of channels.get(channel)?.values() ?? []) times.delete(typist);
      channels.delete(channel);
    },
    size: () => times.size,
    close() {
      times.close();
      digest.close();
    },
  };
}

function onFrame({ channel, user, name }: Typist, ttlMs: number): string {
  return encodeTyping({ channel, user, name, on: true, ttlMs });
}

export function endFrame({ channel, user, name }: Named & { readonly channel: string }): string {
  return encodeTyping({ channel, user, name, on: false, ttlMs: 0 });
}

interface Heard {
  readonly user: string;
  readonly name: string;
  readonly on: boolean;
  readonly ttlMs: number;
}

function readTyping(frame: Uint8Array): Heard | undefined {
  const { user, name, on, ttlMs } = parsedObject(frame);
  if (typeof user !== "string" || typeof name !== "string" || typeof on !== "boolean") return undefined;
  const ms = typeof ttlMs === "number" ? ttlMs : 0;
  return { user, name, on, ttlMs: Math.min(TYPING_TTL_MS, Math.max(0, ms)) };
}
