// What members are told of who else is there: of each channel with somebody here, how many were told last and in which mode.
// Fed with what the scripts of presence announce, and with what Redis answered to joins of this edge. Frames of `full` mode go on
// as they came; of the others one frame a second goes out, made here.
// States of a channel: unknown (nobody here), quiet (all that is known is told), waiting (a frame is due within a second, or
// once the edge has no longer too much to do).
// An idle member costs nothing here, a channel some hundred bytes.

import type { Crowd, PresenceEnvelope } from "@rookery/broker";
import { encodePresence } from "@rookery/protocol";
import type { Mode } from "@rookery/protocol";
import type { PlainCount } from "@rookery/runtime";
import { createDueTimes } from "../due-times.ts";
import { parsedObject } from "../parsed-object.ts";
import { createTurnout } from "./turnout.ts";
import type { Turnout } from "./turnout.ts";

type Heard = Pick<PresenceEnvelope, "online" | "mode" | "frame" | "exclude">;

export interface Crowds {
  /** A script has announced it. */
  announced(this: void, channel: string, heard: Heard): void;
  /** Redis answered it to somebody who joined here; what was announced since may have come first. */
  answered(this: void, channel: string, crowd: Crowd): void;
  /**
   * The answer to a join has gone out with it. Others may have come and gone since it was so, and their frames reached the
   * session ahead of the answer: where the channel is not what was answered a second later, everybody is told.
   */
  welcomed(this: void, channel: string, crowd: Crowd): void;
  /** So it is, and announcements of it may have been lost: told where it differs from what was told last. */
  compared(this: void, channel: string, crowd: Crowd): void;
  /** What it is now, for somebody who was not told for a while; undefined where nothing is known. */
  frameFor(this: void, channel: string): string | undefined;
  /** `full` for a channel of which nothing is known. */
  modeOf(this: void, channel: string): Mode;
  /** Nobody is here any more. */
  forget(this: void, channel: string): void;
  waiting(this: void): number;
  close(this: void): void;
}

export interface CrowdsOptions {
  /** Whether anybody here is in the channel. */
  hasMembers(this: void, channel: string): boolean;
  /** To every local member but that session. */
  signal(this: void, channel: string, frame: string | Uint8Array, exclude: string): void;
  /** Of the sessions that this user has in the channel here, the one that is not told of them: `preferred` if it is one of them. */
  ownSession(this: void, channel: string, user: string, preferred: string): string | undefined;
  /** There is too much to do: it is told later, by a frame that names nobody where there are many. */
  isShed(this: void): boolean;
  readonly counts: { readonly presence: PlainCount; readonly by_name: PlainCount };
}

interface Known {
  readonly channel: string;
  online: number;
  mode: Mode;
  /** What members heard last, in whole ms and members. */
  toldAtMs: number;
  toldOnline: number;
  toldMode: Mode;
  turnout: Turnout | undefined;
  /** What somebody was answered when it was not what is known here. */
  doubted: number | undefined;
}

const TOLD_EVERY_MS = 1000;
const STEP_MS = 50;

export function createCrowds({ hasMembers, signal, ownSession, isShed, counts }: CrowdsOptions): Crowds {
  const channels = new Map<string, Known>();
  const times = createDueTimes<Known>({ stepMs: STEP_MS, due: tell });

  function know(channel: string, { online, mode }: Crowd): Known {
    const told = { toldAtMs: -TOLD_EVERY_MS, toldOnline: online, toldMode: mode };
    const known = { channel, online, mode, ...told, turnout: undefined, doubted: undefined };
    channels.set(channel, known);
    return known;
  }

  function waits(known: Known): Turnout {
    if (!times.has(known)) times.set(known, performance.now() + TOLD_EVERY_MS);
    return (known.turnout ??= createTurnout());
  }

  function tell(known: Known): void {
    const { channel, online, mode, turnout } = known;
    times.delete(known);
    if (isShed()) {
      waits(known);
      return;
    }
    known.turnout = undefined;
    const names = mode === "digest" ? turnout?.names() : undefined;
    const isNews = mode !== known.toldMode || online !== known.toldOnline || names?.isEmpty === false;
    if (known.doubted !== undefined && known.doubted !== online && turnout !== undefined) turnout.isForAll = true;
    known.doubted = undefined;
    if (!isNews && turnout?.isForAll !== true) return;
    known.toldAtMs = Math.trunc(performance.now());
    known.toldOnline = online;
    known.toldMode = mode;
    counts.presence.n += 1;
    const lists = names === undefined ? {} : { joined: names.joined, left: names.left };
    signal(channel, encodePresence({ channel, online, mode, ...lists }), turnout?.exclude ?? "");
  }

  /** At once, unless the channel has had its frame of this second. */
  function tellMode(known: Known): void {
    waits(known);
    if (performance.now() - known.toldAtMs >= TOLD_EVERY_MS) tell(known);
  }

  /** Somebody may believe something else. */
  function corrects(known: Known): void {
    waits(known).isForAll = true;
  }

  function byName(known: Known, { frame, exclude }: Heard): void {
    if (isShed()) {
      corrects(known);
      return;
    }
    known.toldOnline = known.online;
    counts.by_name.n += 1;
    const { user } = parsedObject(frame);
    const own = typeof user === "string" ? ownSession(known.channel, user, exclude) : undefined;
    // Nobody is told to have gone or come themselves: a node that was taken for dead was told so of those who are still on it.
    // What they miss of the number comes with a frame that names nobody.
    if (own !== undefined && own !== exclude) corrects(known);
    signal(known.channel, frame, own ?? exclude);
  }

  return {
    announced(channel, heard) {
      if (!hasMembers(channel)) return;
      const known = channels.get(channel) ?? know(channel, { online: -1, mode: heard.mode });
      known.online = heard.online;
      known.mode = heard.mode;
      if (known.doubted === heard.online) known.doubted = undefined;
      const isSomebody = heard.frame.length > 0;
      if (isSomebody && heard.mode !== "full") waits(known).add(heard, heard.mode === "digest");
      // By numbers alone nobody is named, and what tells them comes without a frame.
      if (!isSomebody && heard.mode === "count") waits(known);
      // Rules that change concern also whoever came alone a moment ago, and was answered the former mode.
      if (heard.mode !== known.toldMode && !isSomebody) corrects(known);
      if (heard.mode !== known.toldMode) tellMode(known);
      // Until members have been told the mode, its number stands for those who come by name again.
      if (isSomebody && heard.mode === "full" && known.toldMode === "full") byName(known, heard);
    },
    answered(channel, crowd) {
      if (!hasMembers(channel)) return;
      const known = channels.get(channel);
      if (known === undefined) know(channel, crowd);
      // The announcements are in order and right in the end; whoever was answered something else is told with the next frame.
      else if (known.mode !== crowd.mode) corrects(known);
    },
    welcomed(channel, { online, mode }) {
      const known = channels.get(channel);
      if (known === undefined || (known.online === online && known.mode === mode)) return;
      // Mostly the announcement of this very join is under way, and all is well once it is here.
      waits(known);
      if (known.mode !== mode || (known.doubted ?? online) !== online) corrects(known);
      known.doubted = online;
    },
    compared(channel, { online, mode }) {
      const known = channels.get(channel);
      if (known === undefined) return;
      if (known.mode !== mode || known.toldOnline !== online) corrects(known);
      known.online = online;
      known.mode = mode;
    },
    frameFor(channel) {
      const known = channels.get(channel);
      if (known === undefined || known.online < 0) return undefined;
      const { online, mode } = known;
      return encodePresence({ channel, online, mode, ...(mode === "digest" ? { joined: [], left: [] } : {}) });
    },
    modeOf: (channel) => channels.get(channel)?.mode ?? "full",
    forget(channel) {
      const known = channels.get(channel);
      if (known === undefined) return;
      times.delete(known);
      channels.delete(channel);
    },
    waiting: () => times.size,
    close: () => times.close(),
  };
}
