// Owns what a correct client knows of one channel: what it has, how far it got, what it still has to fetch. Called by
// client.ts. Pure: it asks nobody. States: following (live frames are taken), holding (a join reply or pages are awaited
// and what is live waits). Must never take a position twice, and never mend a hole it was not told of: tests want to see it.
import { comparePositions, isPosition, isSequenced, positionText } from "./client-frame.ts";
import type { Frame, Position, SequencedFrame } from "./client-frame.ts";

/** A told hole that can be read from the history. */
export interface OpenGap {
  from: Position;
  to: Position;
}

export interface ChannelState {
  /** Asked for and not left; rejoined after a reconnect. */
  wanted: boolean;
  /** The connection of the moment has joined it. */
  joined: boolean;
  /** Everything up to here was received or told of. */
  cursor: Position | undefined;
  /** Where it stood before positions that were told as lost: what comes next follows them, or what was before them. */
  beforeLost: Position | undefined;
  /** By position. */
  frames: Map<string, SequencedFrame>;
  /** Live frames and gaps that wait; undefined while following. */
  held: Frame[] | undefined;
  openGaps: OpenGap[];
  /** Live frames at positions that were already taken. */
  repeats: number;
  /** Holes and steps back that nothing announced, in words. */
  problems: string[];
}

export const createChannelState = (): ChannelState => ({
  wanted: false,
  joined: false,
  cursor: undefined,
  beforeLost: undefined,
  frames: new Map(),
  held: undefined,
  openGaps: [],
  repeats: 0,
  problems: [],
});

const keep = (state: ChannelState, frame: SequencedFrame): void => {
  const position = positionText(frame);
  if (!state.frames.has(position)) state.frames.set(position, frame);
};

const raise = (state: ChannelState, to: Position): void => {
  if (state.cursor !== undefined && comparePositions(to, state.cursor) <= 0) return;
  state.cursor = { epoch: to.epoch, seq: to.seq };
  state.beforeLost = undefined;
};

/** From now on live frames wait, until `release` or `drop`. */
export const hold = (state: ChannelState): void => {
  state.held ??= [];
};

/** It is not joined here: what waited comes again with the next join. */
export const drop = (state: ChannelState): void => {
  state.held = undefined;
  state.joined = false;
};

/** Takes frames read forward: they follow the cursor. */
export const takeForward = (state: ChannelState, frames: Frame[]): void => {
  for (const frame of frames) {
    if (!isSequenced(frame)) continue;
    keep(state, frame);
    raise(state, frame);
  }
};

/** Takes a newest page, with the head it was read at: continuity begins there. */
export const takeNewest = (state: ChannelState, frames: Frame[], head: Position): void => {
  for (const frame of frames) if (isSequenced(frame)) keep(state, frame);
  state.cursor = { epoch: head.epoch, seq: head.seq };
  state.beforeLost = undefined;
  state.openGaps = [];
};

/** Takes frames that fill a gap; the cursor is beyond them already. */
export const takeBackfill = (state: ChannelState, frames: Frame[]): void => {
  for (const frame of frames) if (isSequenced(frame)) keep(state, frame);
};

const breakBefore = (cursor: Position, frame: SequencedFrame): string | undefined => {
  const here = `${positionText(frame)} came after ${positionText(cursor)}`;
  if (frame.epoch === cursor.epoch) return frame.seq === cursor.seq + 1 ? undefined : here;
  if (cursor.epoch === 0) return frame.seq === 1 ? undefined : here;
  if (frame.prev === undefined) return `${here} without prev`;
  return comparePositions(frame.prev, cursor) === 0 ? undefined : `${here} and follows ${positionText(frame.prev)}`;
};

const forgetAbove = (state: ChannelState, from: Position, to: Position): void => {
  for (const [position, frame] of state.frames) {
    if (comparePositions(frame, from) >= 0 && comparePositions(frame, to) <= 0) state.frames.delete(position);
  }
};

const takeLive = (state: ChannelState, frame: SequencedFrame): void => {
  const { cursor } = state;
  if (cursor !== undefined && comparePositions(frame, cursor) <= 0) {
    state.repeats += 1;
    return;
  }
  const stands = [cursor, state.beforeLost].filter((each) => each !== undefined);
  const breaks = stands.map((each) => breakBefore(each, frame));
  const problem = breaks.includes(undefined) ? undefined : breaks[0];
  if (problem !== undefined) state.problems.push(problem);
  keep(state, frame);
  raise(state, frame);
};

/** Notes a told hole. Lost positions are forgotten, and the cursor steps back before them if it stood among them. */
const takeGap = (state: ChannelState, from: Position, to: Position, lost: boolean): void => {
  if (!lost) {
    state.openGaps.push({ from, to });
    raise(state, to);
    return;
  }
  forgetAbove(state, from, to);
  const { cursor } = state;
  const stoodInside = cursor !== undefined && comparePositions(cursor, from) >= 0 && comparePositions(cursor, to) <= 0;
  if (stoodInside) state.cursor = { epoch: from.epoch, seq: from.seq - 1 };
  if (stoodInside || cursor === undefined || comparePositions(to, cursor) < 0) return;
  raise(state, to);
  const stoodBefore = cursor.epoch === from.epoch && cursor.seq === from.seq - 1;
  if (stoodBefore) state.beforeLost = cursor;
};

/** Takes a live frame or gap, or lets it wait. */
export const take = (state: ChannelState, frame: Frame): void => {
  if (state.held !== undefined) state.held.push(frame);
  else if (isSequenced(frame)) takeLive(state, frame);
  else if (frame.type === "gap" && isPosition(frame.from) && isPosition(frame.to)) {
    takeGap(state, frame.from, frame.to, frame.lost === true);
  }
};

/** What waited is taken, in the order in which it came. */
export const release = (state: ChannelState): void => {
  const waiting = state.held ?? [];
  state.held = undefined;
  for (const frame of waiting) {
    // What overtook the reply may be in it: that is no repeat of the server's.
    const { cursor } = state;
    if (cursor !== undefined && isSequenced(frame) && comparePositions(frame, cursor) <= 0) continue;
    take(state, frame);
  }
};

/** Everything received, in the channel's order. */
export const inOrder = (state: ChannelState): SequencedFrame[] => [...state.frames.values()].toSorted(comparePositions);
