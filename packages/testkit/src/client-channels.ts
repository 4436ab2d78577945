// Owns the commands that move a client's channel states: join with its pages, history, filling of gaps, rejoining.
// Called by client.ts. Every frame that stands at a position is recorded before it is taken.
// Must never read on in parallel in one channel: pages follow each other by the cursor.
import { setTimeout as delay } from "node:timers/promises";
import { createChannelState, drop, hold, inOrder, release, take } from "./client-channel.ts";
import { takeBackfill, takeForward, takeNewest } from "./client-channel.ts";
import type { ChannelState, OpenGap } from "./client-channel.ts";
import { comparePositions, isPosition, isSequenced } from "./client-frame.ts";
import type { Frame, Position, SequencedFrame } from "./client-frame.ts";
import { ConnectionLost } from "./client-link.ts";
import type { FrameFacts, History, Via } from "./history.ts";
import type { HistoryQuery } from "./history-query.ts";

export interface JoinOptions {
  /** Where the client stands. Left out, it begins at the newest page. */
  after?: Position;
  password?: string;
  limit?: number;
  persisted?: boolean;
}

interface Surroundings {
  request: (frame: Frame) => Promise<Frame>;
  session: () => number;
  recorded: () => History;
}

export interface Channels {
  onFrame: (frame: Frame, session: number) => void;
  onClosed: () => void;
  /** Rejoins what was joined, each from where it stood, and fills what was still open. */
  resume: () => Promise<void>;
  join: (channel: string, options?: JoinOptions) => Promise<Frame>;
  leave: (channel: string) => Promise<Frame>;
  readHistory: (channel: string, query?: HistoryQuery) => Promise<Frame>;
  inOrder: (channel: string) => SequencedFrame[];
  state: (channel: string) => Readonly<ChannelState>;
  problems: () => string[];
}

const factsOf = (frame: SequencedFrame): FrameFacts & Position => {
  const { type, id = "", clientId, user, body, emoji, on, prev, at, epoch, seq } = frame;
  return {
    ...{ type, id, epoch, seq },
    ...(clientId === undefined ? {} : { clientId }),
    ...(user === undefined ? {} : { user }),
    ...(body === undefined ? {} : { body }),
    ...(typeof emoji === "string" && on !== undefined ? { emoji, on } : {}),
    ...(isPosition(prev) ? { prev } : {}),
    ...(at === undefined ? {} : { sentAtMs: at }),
  };
};

/** Refusals that pass by themselves while the servers heal. */
const passing = new Set(["unavailable", "overloaded", "rate_limited", "internal", "unknown"]);

export const createChannels = ({ request, session, recorded }: Surroundings): Channels => {
  const states = new Map<string, ChannelState>();
  let pages = 0;

  const state = (channel: string): ChannelState => {
    const known = states.get(channel) ?? createChannelState();
    states.set(channel, known);
    return known;
  };

  const recordFrame = (frame: Frame, via: Via, inSession: number, askedAt?: number): void => {
    if (!isSequenced(frame)) return;
    const page = askedAt === undefined ? {} : { page: pages, askedAt };
    recorded().add({ kind: "frame", session: inSession, channel: frame.channel, via, ...page, ...factsOf(frame) });
  };

  const recordPage = (frames: Frame[], via: Via, askedAt: number): void => {
    pages += 1;
    for (const frame of frames) recordFrame(frame, via, session(), askedAt);
  };

  /** How many events there are by now: what a page is asked for after has happened before it. */
  const now = (): number => recorded().events.length;

  /** One page after a position. A store that is away for a while is asked again, as long as the connection lasts. */
  const pageAfter = async (channel: string, after: Position): Promise<Frame> => {
    for (;;) {
      const askedAt = now();
      const reply = await request({ type: "history", channel, after });
      if (reply.type === "ok") {
        recordPage(reply.messages ?? [], "forward", askedAt);
        return reply;
      }
      if (!passing.has(String(reply.code))) throw new Error(`history of ${channel}: ${String(reply.code)}`);
      await delay(reply.retryAfterMs ?? 200);
    }
  };

  const readOn = async (channel: string, known: ChannelState): Promise<void> => {
    for (let more = true; more;) {
      const reply = await pageAfter(channel, known.cursor ?? { epoch: 0, seq: 0 });
      takeForward(known, reply.messages ?? []);
      more = reply.more === true && (reply.messages ?? []).length > 0;
    }
    recorded().add({ kind: "level", session: session(), channel });
  };

  const fillGap = async (channel: string, known: ChannelState, gap: OpenGap): Promise<void> => {
    let after: Position = { epoch: gap.from.epoch, seq: gap.from.seq - 1 };
    while (comparePositions(after, gap.to) < 0) {
      const reply = await pageAfter(channel, after);
      const frames = (reply.messages ?? []).filter(isSequenced);
      takeBackfill(known, frames);
      const last = frames.at(-1);
      if (last === undefined) break;
      after = { epoch: last.epoch, seq: last.seq };
    }
    known.openGaps = known.openGaps.filter((open) => open !== gap);
  };

  const fillGaps = async (channel: string, known: ChannelState): Promise<void> => {
    for (const gap of [...known.openGaps]) await fillGap(channel, known, gap);
  };

  /** A lost connection leaves the gap open for the next one; anything else is worth a complaint. */
  const fillLater = (channel: string, known: ChannelState): void => {
    void fillGaps(channel, known).catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) known.problems.push(String(error));
    });
  };

  const recordStart = (channel: string, reply: Frame, after: Position | undefined): Position => {
    const head = { epoch: reply.epoch ?? 0, seq: reply.seq ?? 0 };
    const recovered = reply.recovered === true;
    const facts = { head, recovered, more: after !== undefined && recovered && reply.more === true };
    const asked = after === undefined ? {} : { after };
    recorded().add({ kind: "start", session: session(), channel, ...facts, ...asked });
    return head;
  };

  const join = async (channel: string, options: JoinOptions = {}): Promise<Frame> => {
    const known = state(channel);
    hold(known);
    const askedAt = now();
    const reply = await request({ type: "join", channel, ...options });
    if (reply.type !== "ok") {
      // Frames may have come before the refusal: of a channel that was not joined they are nothing to go on from.
      if (known.joined) release(known);
      else drop(known);
      return reply;
    }
    known.wanted = true;
    known.joined = true;
    const forward = options.after !== undefined && reply.recovered === true;
    const head = recordStart(channel, reply, options.after);
    recordPage(reply.messages ?? [], forward ? "forward" : "folded", askedAt);
    if (forward) {
      known.cursor ??= options.after;
      takeForward(known, reply.messages ?? []);
      if (reply.more === true) await readOn(channel, known);
    } else takeNewest(known, reply.messages ?? [], head);
    release(known);
    fillLater(channel, known);
    return reply;
  };

  /** Joins again, and again while the servers are healing. */
  const rejoin = async (channel: string, known: ChannelState): Promise<void> => {
    for (;;) {
      const reply = await join(channel, known.cursor === undefined ? {} : { after: known.cursor });
      if (reply.type === "ok" || !passing.has(String(reply.code))) return;
      await delay(reply.retryAfterMs ?? 200);
    }
  };

  const onGap = (frame: Frame, inSession: number): void => {
    const { channel, from, to } = frame;
    if (channel === undefined || !isPosition(from) || !isPosition(to)) return;
    const lost = frame.lost === true ? { lost: true } : {};
    recorded().add({ kind: "gap", session: inSession, channel, from, to, ...lost });
    const known = state(channel);
    take(known, frame);
    if (known.held === undefined) fillLater(channel, known);
  };

  return {
    join,
    state,
    onFrame: (frame, inSession) => {
      if (frame.type === "gap") onGap(frame, inSession);
      else if (frame.type === "joined" || frame.type === "left") {
        const { type: what, channel = "", user = "" } = frame;
        recorded().add({ kind: "coming", session: inSession, channel, user, what });
      } else if (frame.type === "removed" && frame.channel !== undefined) {
        Object.assign(state(frame.channel), { wanted: false, joined: false });
        // Nothing of the channel is owed from here on.
        recorded().add({ kind: "leave", session: inSession, channel: frame.channel });
      } else if (isSequenced(frame)) {
        recordFrame(frame, "live", inSession);
        take(state(frame.channel), frame);
      }
    },
    onClosed: () => states.forEach(drop),
    resume: async () => {
      const wanted = [...states].filter(([, known]) => known.wanted);
      await Promise.all(wanted.map(([channel, known]) => rejoin(channel, known)));
    },
    leave: async (channel) => {
      const reply = await request({ type: "leave", channel });
      if (reply.type !== "ok") return reply;
      Object.assign(state(channel), { wanted: false, joined: false });
      recorded().add({ kind: "leave", session: session(), channel });
      return reply;
    },
    readHistory: async (channel, query = {}) => {
      const askedAt = now();
      const reply = await request({ type: "history", channel, ...query });
      const forward = query.after !== undefined;
      if (reply.type !== "ok") return reply;
      // Replies to one message are no part of the line of positions: they are not recorded as one.
      if (query.replyTo === undefined) recordPage(reply.messages ?? [], forward ? "forward" : "folded", askedAt);
      takeBackfill(state(channel), reply.messages ?? []);
      return reply;
    },
    inOrder: (channel) => inOrder(state(channel)),
    problems: () => [...states].flatMap(([channel, known]) => known.problems.map((one) => `${channel}: ${one}`)),
  };
};
