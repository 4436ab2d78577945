// What following one channel means, without a socket: which frames to show in which order, and what to ask the edge for.
// Fed by tail with every server frame. Shows each position once, in order, over reconnects, gaps and late replies.
// States: joining (join sent, frames held), catching up (history asked for, frames held), live.
import type { ClientFrame, ErrorFrame, GapFrame, Position, SequencedFrame, ServerFrame } from "@rookery/protocol";
import { comparePositions, formatPosition } from "@rookery/protocol";

export type FollowStep =
  | { readonly kind: "show"; readonly frame: SequencedFrame }
  | { readonly kind: "ask"; readonly frame: ClientFrame }
  | { readonly kind: "say"; readonly text: string }
  /** The edge cannot answer now: open again after this. */
  | { readonly kind: "wait"; readonly ms: number; readonly text: string }
  | { readonly kind: "end"; readonly text: string };

export interface Follower {
  /** What to send first on every connection. */
  open(): ClientFrame;
  feed(frame: ServerFrame): readonly FollowStep[];
  /** The last position shown; undefined before the first reply. */
  position(): Position | undefined;
  /** Of its own asking: whether a reply with this `ref` is one to it. */
  asked(ref: string | undefined): "join" | "history" | undefined;
}

/** The largest page there is. */
const PAGE = 200;
/** When the edge does not say how long to wait. */
const RETRY_MS = 1000;
const JOIN = "join";
const HISTORY = "history";
const SEQUENCED = ["message", "edited", "deleted", "reaction"] as const;

/**
 * `last`: how many messages from before the start are shown, 0 to 200. `turn` tells followers apart that follow one after the
 * other on the same connection.
 */
export function createFollower(channel: string, last: number, turn = ""): Follower {
  const refs = { join: `${JOIN}${turn}`, history: `${HISTORY}${turn}` };
  let position: Position | undefined;
  let state: "joining" | "catching up" | "live" = "joining";
  let held: SequencedFrame[] = [];
  /** Told of a gap while a page was on its way, which may end before it. */
  let hasNewGap = false;

  const show = (frames: readonly SequencedFrame[]): FollowStep[] =>
    frames.flatMap((frame) => {
      if (position !== undefined && comparePositions(frame, position) <= 0) return [];
      position = { epoch: frame.epoch, seq: frame.seq };
      return [{ kind: "show", frame } as const];
    });

  const askOn = (): FollowStep => {
    state = "catching up";
    hasNewGap = false;
    const after = position ?? { epoch: 0, seq: 0 };
    return { kind: "ask", frame: { type: "history", ref: refs.history, channel, after, limit: PAGE } };
  };

  /** A page is in: on to the next one, or to what came live meanwhile. */
  const afterPage = (more: boolean): FollowStep[] => {
    if (more || hasNewGap) return [askOn()];
    state = "live";
    const waiting = held.toSorted(comparePositions);
    held = [];
    return show(waiting);
  };

  const joined = (reply: JoinReply): FollowStep[] => {
    if (position === undefined) {
      const shown = last === 0 ? [] : show(reply.messages.slice(-last));
      position = { epoch: reply.epoch, seq: reply.seq };
      return [...shown, ...afterPage(false)];
    }
    if (reply.recovered) return [...show(reply.messages), ...afterPage(reply.more)];
    const lost: FollowStep = { kind: "say", text: "the thread is lost: what was said meanwhile may be missing" };
    const shown = show(reply.messages);
    const head = { epoch: reply.epoch, seq: reply.seq };
    if (comparePositions(head, position) > 0) position = head;
    return [lost, ...shown, ...afterPage(false)];
  };

  const gap = ({ from, to, lost }: GapFrame): FollowStep[] => {
    const text = `${formatPosition(from)} to ${formatPosition(to)} are lost`;
    const told: FollowStep[] = lost === true ? [{ kind: "say", text }] : [];
    if (state === "live") return [...told, askOn()];
    hasNewGap = true;
    return told;
  };

  return {
    position: () => position,
    asked: (ref) => (ref === refs.join ? "join" : ref === refs.history ? "history" : undefined),
    open: () => {
      state = "joining";
      held = [];
      hasNewGap = false;
      const from = position === undefined ? { limit: Math.max(1, last) } : { after: position, limit: PAGE };
      return { type: "join", ref: refs.join, channel, ...from };
    },
    feed: (frame) => {
      if (isSequenced(frame)) {
        if (frame.channel !== channel) return [];
        if (state === "live") return show([frame]);
        held.push(frame);
        return [];
      }
      if (frame.type === "ok" && frame.ref === refs.join && isJoinReply(frame)) return joined(frame);
      if (frame.type === "ok" && frame.ref === refs.history && isPage(frame)) {
        return [...show(frame.messages), ...afterPage(frame.more)];
      }
      if (frame.type === "gap" && frame.channel === channel) return gap(frame);
      if (frame.type === "removed" && frame.channel === channel) {
        return [{ kind: "end", text: `removed from ${channel}: ${frame.code}` }];
      }
      return frame.type === "error" ? [refusal(frame)] : [];
    },
  };
}

interface Page {
  readonly messages: readonly SequencedFrame[];
  readonly more: boolean;
}

interface JoinReply extends Page {
  readonly epoch: number;
  readonly seq: number;
  readonly recovered: boolean;
}

function refusal({ code, message, retry, retryAfterMs = RETRY_MS }: ErrorFrame): FollowStep {
  const text = `${code}: ${message}`;
  return retry === "later" ? { kind: "wait", ms: retryAfterMs, text } : { kind: "end", text };
}

function isSequenced(frame: ServerFrame): frame is SequencedFrame {
  return SEQUENCED.some((type) => type === frame.type);
}

function isPage(frame: object): frame is Page {
  return "messages" in frame && "more" in frame;
}

function isJoinReply(frame: object): frame is JoinReply {
  return isPage(frame) && "recovered" in frame && "epoch" in frame;
}
