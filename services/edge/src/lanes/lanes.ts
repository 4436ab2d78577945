// Slow sockets: what each is given, kept for it and told, so that it misses nothing it is not told of and costs nobody else
// anything. Told by the listener and by the looks at buffers how a socket does; lane.ts says what that makes of it, missed.ts what
// it was not given. A socket that keeps up is unknown here. It must never be the layer's `dropped` that touches a socket: there
// the state alone changes, and `takeOut` carries it out when the loop has come round, before anything else is published.
// States of a socket: those of lane.ts.

import { encodeGap } from "@rookery/protocol";
import type { PlainCount } from "@rookery/runtime";
import type { Leaving } from "../membership.ts";
import { channelOfTopic, isSignalTopic, sequencedTopic, signalTopic } from "../native-topics.ts";
import type { Session } from "../session.ts";
import type { Named } from "../typing/typists.ts";
import { hardLimitBytes } from "./buffer-budget.ts";
import type { BufferLimits } from "./buffer-budget.ts";
import { fallsIn, LANE_TRAITS, nextLane, NO_FALLS, stuckBy } from "./lane.ts";
import type { Falls, LaneEvent, LaneName, LaneState, StuckReason } from "./lane.ts";
import type { Missed, MissedFrom } from "./missed.ts";
import { createReplyQueue } from "./reply-queue.ts";
import type { ReplyQueue } from "./reply-queue.ts";
import type { ShedSignals } from "./shed-signals.ts";
import type { SlowLane } from "./slow-wire.ts";

export interface Lanes {
  /** The layer has dropped something. Changes nothing but what is known. */
  dropped(this: void, session: Session): void;
  /** Carries that out. */
  takeOut(this: void, session: Session): void;
  /** Looks at what waits in its buffer, and answers how much. */
  look(this: void, session: Session): number;
  /** Its ping has been unanswered for too long, or is answered. */
  heard(this: void, session: Session, event: "silent" | "answered"): void;
  /** Closes those that are stuck, and forgets those that have kept up for long enough. */
  tick(this: void, nowMs: number): void;
  /** Whoever is taken out while pages may wait for it is closed: it hears nothing of the channel any more. */
  left(this: void, session: Session, channel: string, how: Leaving): void;
  ended(this: void, session: Session): void;
  /** All that are slow or lately were, the bytes that are kept for them, and how many are in each lane. */
  sizes(this: void): LaneSizes;
}

export interface LaneSizes {
  readonly sessions: Iterable<Session>;
  readonly keptBytes: number;
  readonly byLane: Readonly<Record<LaneName, number>>;
}

export interface LaneCounts {
  /** Times that sockets came into each lane. */
  readonly entered: Readonly<Record<LaneName, PlainCount>>;
  readonly closed: Readonly<Record<StuckReason, PlainCount>>;
  readonly gapsTold: PlainCount;
}

/** What a client shows of a channel's signals, and how it is put right. */
export interface SignalState {
  /** Who the user is shown to type. */
  shown(this: void, channel: string, user: string): readonly Named[];
  /** Frames after which it shows what is so, though it was not told since `shown`. */
  corrections(this: void, channel: string, user: string, shown: readonly Named[]): string[];
}

export interface LanesOptions {
  readonly limits: BufferLimits;
  /** What waits in all sockets together. */
  usedBytes(this: void): number;
  readonly missed: Missed;
  readonly shed: ShedSignals;
  readonly signals: SignalState;
  readonly counts: LaneCounts;
  nowMs(this: void): number;
}

interface Slow extends SlowLane {
  state: LaneState;
  falls: Falls;
  readonly queue: ReplyQueue;
  /** Channels whose signals it is not given, with what its client showed when that began. */
  readonly unsignalled: Map<string, readonly Named[]>;
  /** Channels of which it is given nothing, and from where on. */
  readonly missing: Map<string, MissedFrom>;
}

export function createLanes(options: LanesOptions): Lanes {
  const { limits, usedBytes, missed, shed, signals, counts, nowMs } = options;
  const slow = new Map<Session, Slow>();

  function slowOf(session: Session): Slow {
    const known = slow.get(session);
    if (known !== undefined) return known;
    const fresh = createSlow(session);
    slow.set(session, fresh);
    if (session.wire !== undefined) session.wire.lane = fresh;
    return fresh;
  }

  function createSlow(session: Session): Slow {
    const one: Slow = {
      ...{ state: "live", falls: NO_FALLS, queue: createReplyQueue() },
      ...{ unsignalled: new Map(), missing: new Map() },
      get isHolding() {
        return !LANE_TRAITS[one.state].hearsMessages;
      },
      hold(text) {
        // Not at once: it is told in the middle of a turn's writes.
        if (!one.queue.add(text)) setImmediate(() => stuck(session, one, "too_many_replies"));
      },
      keepsFrom(topic) {
        const { hearsSignals, hearsMessages } = LANE_TRAITS[one.state];
        const channel = channelOfTopic(topic);
        if (isSignalTopic(topic)) {
          if (!hearsSignals) withhold(one, channel, []);
          return !hearsSignals;
        }
        if (!hearsMessages) miss(one, channel);
        return !hearsMessages;
      },
      sheds(text) {
        if (LANE_TRAITS[one.state].hearsSignals) return false;
        shed.shed(text, 1);
        return true;
      },
      takeHeld: () => one.queue.takeAll(),
    };
    return one;
  }

  function withhold(one: Slow, channel: string, shown: readonly Named[]): void {
    if (one.unsignalled.has(channel)) return;
    one.unsignalled.set(channel, shown);
    shed.begin(channel);
  }

  function miss(one: Slow, channel: string): void {
    if (!one.missing.has(channel)) one.missing.set(channel, missed.begin(channel));
  }

  /** The state alone. */
  function move(one: Slow, event: LaneEvent): boolean {
    const before = one.state;
    one.state = nextLane(before, event);
    one.falls = fallsIn(one.falls, one.state, nowMs());
    const { lane } = LANE_TRAITS[one.state];
    const isNew = lane !== LANE_TRAITS[before].lane;
    if (lane !== undefined && isNew) counts.entered[lane].n += 1;
    return one.state !== before;
  }

  function happened(session: Session, event: LaneEvent): void {
    const one = slowOf(session);
    if (move(one, event)) carryOut(session, one);
  }

  /** Makes what the socket hears what its state says it hears. */
  function carryOut(session: Session, one: Slow): void {
    const { hearsSignals, hearsMessages } = LANE_TRAITS[one.state];
    if (one.state === "closed") {
      session.farewell("slow", nowMs());
      return;
    }
    for (const channel of session.channels) {
      if (!hearsSignals && !one.unsignalled.has(channel)) {
        withhold(one, channel, signals.shown(channel, session.user));
        session.wire?.unsubscribe(signalTopic(channel));
      }
      if (!hearsMessages && !one.missing.has(channel)) {
        miss(one, channel);
        session.wire?.unsubscribe(sequencedTopic(channel));
      }
    }
    if (hearsMessages) giveBack(session, one);
    if (hearsSignals) signalBack(session, one);
    if (one.state === "catching") flush(session, one);
  }

  /** In one turn: what is told of as missed ends where what is heard begins. */
  function giveBack(session: Session, one: Slow): void {
    if (one.missing.size === 0) return;
    for (const [channel, from] of one.missing) {
      for (const gap of missed.gaps(channel, from)) {
        counts.gapsTold.n += 1;
        session.tell(encodeGap({ channel, from: gap.from, to: gap.to, ...(gap.isLost ? { lost: true } : {}) }));
      }
      missed.end(channel);
      session.wire?.subscribe(sequencedTopic(channel));
    }
    one.missing.clear();
    // How long it takes to answer is counted anew: what stood before the last ping may have been all of a full buffer.
    session.pingAnew(nowMs());
  }

  function signalBack(session: Session, one: Slow): void {
    for (const [channel, shown] of one.unsignalled) {
      shed.end(channel);
      session.wire?.subscribe(signalTopic(channel));
      for (const frame of signals.corrections(channel, session.user, shown)) session.tell(frame);
    }
    one.unsignalled.clear();
  }

  /** One by one, each into an empty buffer, so that none is dropped. */
  function flush(session: Session, one: Slow): void {
    const { wire } = session;
    if (wire === undefined) return;
    wire.write();
    while (wire.bufferedBytes() === 0) {
      const text = one.queue.takeFirst();
      if (text === undefined) {
        happened(session, "settled");
        return;
      }
      wire.writeNow(text);
    }
  }

  function stuck(session: Session, one: Slow, reason: StuckReason): void {
    if (!session.isLive || one.state === "closed") return;
    counts.closed[reason].n += 1;
    happened(session, "stuck");
  }

  /** Nobody who is on the way out, or has not said who it is, is in a lane. */
  const isJudged = (session: Session): boolean => session.isLive && session.identity !== undefined;

  function look(session: Session): number {
    const bytes = session.wire?.bufferedBytes() ?? 0;
    const one = session.wire?.lane === undefined ? undefined : slow.get(session);
    if (one === undefined && bytes === 0) return bytes;
    if (!isJudged(session)) return bytes;
    const event = readingOf(bytes);
    // What means nothing makes nobody slow.
    const isNews = event !== undefined && (one !== undefined || nextLane("live", event) !== "live");
    if (isNews) happened(session, event);
    if (one?.state === "catching") flush(session, one);
    return bytes;
  }

  function readingOf(bytes: number): LaneEvent | undefined {
    if (bytes === 0) return "emptied";
    if (bytes > hardLimitBytes(limits, usedBytes())) return "overfilled";
    if (bytes > limits.softBytes) return "filled";
    return bytes * 2 <= limits.softBytes ? "eased" : undefined;
  }

  return {
    dropped(session) {
      if (!isJudged(session)) return;
      move(slowOf(session), "overfilled");
    },
    takeOut(session) {
      // Whoever has not said who it is has nothing to go on from.
      if (session.identity === undefined) session.farewell("slow", nowMs());
      const one = slow.get(session);
      if (one === undefined || !session.isLive) return;
      carryOut(session, one);
      look(session);
    },
    look,
    heard(session, event) {
      if (event === "answered" && !slow.has(session)) return;
      if (isJudged(session)) happened(session, event);
    },
    tick(now) {
      for (const [session, one] of slow) {
        if (!session.isLive) continue;
        look(session);
        one.falls = fallsIn(one.falls, one.state, now);
        const reason = stuckBy(one.falls, now);
        if (reason !== undefined) stuck(session, one, reason);
        else if (one.state === "live" && one.falls.timesMs.length === 0) forget(session);
      }
    },
    left(session, channel, how) {
      const one = slow.get(session);
      if (one !== undefined && how === "removed" && !one.queue.isEmpty) stuck(session, one, "removed");
      if (one?.unsignalled.delete(channel) === true) shed.end(channel);
      if (one?.missing.delete(channel) === true) missed.end(channel);
    },
    ended: forget,
    sizes() {
      const byLane = { quiet: 0, behind: 0, catching_up: 0 };
      let keptBytes = 0;
      for (const { state, queue } of slow.values()) {
        const { lane } = LANE_TRAITS[state];
        if (lane !== undefined) byLane[lane] += 1;
        keptBytes += queue.bytes;
      }
      return { sessions: slow.keys(), keptBytes, byLane };
    },
  };

  function forget(session: Session): void {
    slow.delete(session);
    if (session.wire !== undefined) session.wire.lane = undefined;
  }
}
