// Owns the question what a client must have received of a channel and what it did receive. Called by the checker only.
// States of a stretch: open (the client was still joined when its record ends), closed. A stretch begins at a start point
// and goes on over reconnects as long as the server says `recovered`. Must never count a frame that was not delivered.
import { comparePositions, positionText } from "./client-frame.ts";
import type { Position } from "./client-frame.ts";
import type { ClientHistory, StampedEvent } from "./history.ts";

export type FrameEvent = Extract<StampedEvent, { kind: "frame" }>;
export type GapEvent = Extract<StampedEvent, { kind: "gap" }>;

/** A part of a channel that a client followed without being told of a break. Positions above `after` are owed to it. */
export interface Stretch {
  after: Position;
  /** The highest position known to the client; what is above is owed only while `open`. */
  reached: Position;
  open: boolean;
}

/** One client in one channel. */
export interface Coverage {
  client: string;
  user: string;
  channel: string;
  stretches: Stretch[];
  gaps: GapEvent[];
  /** Frames by position, the first delivery of each. */
  frames: Map<string, FrameEvent>;
}

const later = (a: Position, b: Position): Position => (comparePositions(a, b) >= 0 ? a : b);

/** Whether a gap covers a position. */
export const covers = (gap: { from: Position; to: Position }, position: Position): boolean =>
  comparePositions(gap.from, position) <= 0 && comparePositions(position, gap.to) <= 0;

interface Building extends Coverage {
  current: Stretch | undefined;
  /** The session whose join was answered and whose pages were read: from then on live frames follow on. */
  levelSession: number;
  /** Live frames that overtook the reply or its pages. A session that ends before that took nothing from them. */
  early: FrameEvent[];
}

const close = (coverage: Building): void => {
  if (coverage.current !== undefined) coverage.current.open = false;
};

const begin = (coverage: Building, after: Position): void => {
  close(coverage);
  coverage.current = { after, reached: after, open: true };
  coverage.stretches.push(coverage.current);
};

const count = (coverage: Building, event: FrameEvent): void => {
  const position = positionText(event);
  if (!coverage.frames.has(position)) coverage.frames.set(position, event);
  if (coverage.current !== undefined) coverage.current.reached = later(coverage.current.reached, event);
};

const onFrame = (coverage: Building, event: FrameEvent): void => {
  if (event.via === "live" && event.session !== coverage.levelSession) coverage.early.push(event);
  else count(coverage, event);
};

const onLevel = (coverage: Building, session: number): void => {
  coverage.levelSession = session;
  for (const frame of coverage.early.splice(0)) if (frame.session === session) count(coverage, frame);
};

const onStart = (coverage: Building, event: Extract<StampedEvent, { kind: "start" }>): void => {
  const { current } = coverage;
  if (event.after === undefined || !event.recovered) begin(coverage, event.head);
  // A client that resumes at or below what it had goes on with its stretch; one that names a position beyond it answers for
  // what lies between by itself.
  else if (current !== undefined && comparePositions(event.after, current.reached) <= 0) current.open = true;
  else begin(coverage, event.after);
  if (event.more !== true) onLevel(coverage, event.session);
};

const onGap = (coverage: Building, event: GapEvent): void => {
  coverage.gaps.push(event);
  if (coverage.current !== undefined && event.lost !== true) {
    coverage.current.reached = later(coverage.current.reached, event.to);
  }
};

/** Follows one client's record, channel by channel. */
export const coveragesOf = (history: ClientHistory): Coverage[] => {
  const channels = new Map<string, Building>();
  const of = (channel: string): Building => {
    const known = channels.get(channel);
    if (known !== undefined) return known;
    const fresh: Building = {
      ...{ client: history.client, user: history.user, channel },
      ...{ stretches: [], gaps: [], frames: new Map(), current: undefined, levelSession: 0, early: [] },
    };
    channels.set(channel, fresh);
    return fresh;
  };
  for (const event of history.events) {
    if (event.kind === "start") onStart(of(event.channel), event);
    else if (event.kind === "level") onLevel(of(event.channel), event.session);
    else if (event.kind === "frame") onFrame(of(event.channel), event);
    else if (event.kind === "gap") onGap(of(event.channel), event);
    else if (event.kind === "leave") close(of(event.channel));
    else if (event.kind === "closed") channels.forEach(close);
  }
  return [...channels.values()];
};
