// Owns what a channel is to show after sends, edits, deletions and reactions: told only what was acknowledged and where it
// stands, it applies that in the order of positions. Called by tests that compare clients, pages and Postgres with it.
// Must never look at a frame that a server made: it is the other opinion.
import { comparePositions, repliesIn, viewOf } from "@rookery/testkit";
import type { ChannelView, Change, Frame } from "@rookery/testkit";

type Position = Parameters<typeof comparePositions>[0];
type Applied = Parameters<typeof viewOf>[0][number];

const TYPES = { edit: "edited", delete: "deleted", react: "reaction" } as const;

export interface Model {
  /** A message that was acknowledged. */
  sent(channel: string, user: string, body: string, replyTo: string | undefined, ok: Frame): void;
  /** A change that was acknowledged. One that stood already says where: then it is known. */
  changed(user: string, change: Change, ok: Frame): void;
  view(): ChannelView;
}

function positionOf({ epoch = 0, seq = 0 }: Frame): Position {
  return { epoch, seq };
}

export function createModel(): Model {
  const applied = new Map<string, Applied>();
  const apply = (frame: Applied): void => {
    const key = `${frame.epoch}-${frame.seq}`;
    if (!applied.has(key)) applied.set(key, frame);
  };
  return {
    sent(channel, user, body, replyTo, ok) {
      const answers = replyTo === undefined ? {} : { replyTo };
      apply({ type: "message", channel, user, body, ...answers, id: String(ok.id), ...positionOf(ok) });
    },
    changed: (user, { type, ...change }, ok) => apply({ ...change, type: TYPES[type], user, ...positionOf(ok) }),
    view: () => viewOf([...applied.values()].toSorted(comparePositions)),
  };
}

/** What a page that is read backward tells of each message, in the channel's order. */
export function foldedView(view: ChannelView, user: string): object[] {
  const replies = repliesIn(view);
  return [...view].map(([id, { body, isDeleted, isEdited, reactions }]) => ({
    id,
    body,
    deleted: isDeleted ? true : undefined,
    isEdited: isEdited && !isDeleted,
    replies: replies.get(id),
    reactions: [...reactions]
      .map(([emoji, who]) => ({ emoji, count: who.size, mine: who.has(user) }))
      .toSorted(byEmoji),
  }));
}

/** The same of the frames of such a page. */
export function foldedFrames(frames: readonly Frame[]): object[] {
  return frames.map(({ id, body, ...frame }) => ({
    id,
    body,
    deleted: frame["deleted"],
    isEdited: frame["editedAt"] !== undefined,
    replies: frame["replies"],
    reactions: Array.isArray(frame["reactions"]) ? frame["reactions"].toSorted(byEmoji) : [],
  }));
}

function byEmoji(a: { emoji: string }, b: { emoji: string }): number {
  return a.emoji < b.emoji ? -1 : 1;
}
