// Owns what a reader of a channel would show after taking its sequenced frames in order: of each message its text as it
// stands, or that it is gone, and who has which reaction on it. Called by tests that compare what different readers know.
// Pure: the last writer by position wins, and nothing is repaired.
import type { SequencedFrame } from "./client-frame.ts";

export interface ShownMessage {
  user: string;
  /** Absent when it was deleted. */
  body?: string;
  isDeleted: boolean;
  /** Of one that stands. */
  isEdited: boolean;
  replyTo?: string;
  /** Emoji -> who has it standing, both in the order in which they came. */
  reactions: Map<string, Set<string>>;
}

/** By id, in the channel's order. */
export type ChannelView = Map<string, ShownMessage>;

const onMessage = (view: ChannelView, frame: SequencedFrame): void => {
  view.set(String(frame.id), {
    user: String(frame.user),
    ...(frame.body === undefined ? {} : { body: frame.body }),
    isDeleted: frame["deleted"] === true,
    isEdited: typeof frame["editedAt"] === "number",
    ...(typeof frame["replyTo"] === "string" ? { replyTo: frame["replyTo"] } : {}),
    reactions: new Map(),
  });
};

const onReaction = ({ reactions }: ShownMessage, { emoji, user, on }: SequencedFrame): void => {
  const name = String(emoji);
  const who = reactions.get(name) ?? new Set<string>();
  if (on === true) who.add(String(user));
  else who.delete(String(user));
  if (who.size > 0) reactions.set(name, who);
  else reactions.delete(name);
};

const onChange = (shown: ShownMessage, frame: SequencedFrame): void => {
  if (frame.type === "edited" && frame.body !== undefined && !shown.isDeleted) {
    shown.body = frame.body;
    shown.isEdited = true;
  }
  if (frame.type === "deleted") {
    delete shown.body;
    shown.isDeleted = true;
    shown.isEdited = false;
    shown.reactions.clear();
  }
  if (frame.type === "reaction" && !shown.isDeleted) onReaction(shown, frame);
};

/** Applies the frames in the order in which they are given. A change of a message that was never seen shows nothing. */
export const viewOf = (frames: readonly SequencedFrame[]): ChannelView => {
  const view: ChannelView = new Map();
  for (const frame of frames) {
    const shown = view.get(String(frame.id));
    if (frame.type === "message") onMessage(view, frame);
    else if (shown !== undefined) onChange(shown, frame);
  }
  return view;
};

/** How often each message is answered by others that still stand. */
export const repliesIn = (view: ChannelView): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { replyTo, isDeleted } of view.values()) {
    if (replyTo !== undefined && !isDeleted) counts.set(replyTo, (counts.get(replyTo) ?? 0) + 1);
  }
  return counts;
};
