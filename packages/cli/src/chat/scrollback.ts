// What has been said in the channel that `chat` shows, as it stands now: each message under a number of its own, and between
// them notes of what happened. Kept by the core of `chat`, read by whatever shows it. It knows no terminal and no socket.
// The longest kept make room; numbers and ordinals go on.
import { comparePositions } from "@rookery/protocol";
import type { DeletedFrame, EditedFrame, MessageFrame, Position, ReactionFrame } from "@rookery/protocol";

export interface Reaction {
  readonly count: number;
  readonly mine: boolean;
}

/** A message as it stands. */
export interface Said {
  /** By which it is named in commands. */
  readonly number: number;
  readonly id: string;
  readonly position: Position;
  readonly user: string;
  readonly name: string;
  readonly at: number;
  /** Absent when it was deleted. */
  body: string | undefined;
  isEdited: boolean;
  readonly replyTo: string | undefined;
  replies: number;
  readonly isForMe: boolean;
  readonly reactions: Map<string, Reaction>;
}

export type Item =
  | { readonly kind: "said"; readonly said: Said }
  | { readonly kind: "note"; readonly text: string }
  /** From here on nothing was read before. */
  | { readonly kind: "unread" };

export interface Scrollback {
  /** Oldest first. */
  items(): readonly Item[];
  /** How many items there were in all: of the last one kept, counted from 1. */
  total(): number;
  add(frame: MessageFrame, me: string): Said;
  note(text: string): void;
  markUnread(): void;
  /** What the frame changed; undefined for a message that is not kept. */
  edit(frame: EditedFrame): Said | undefined;
  remove(frame: DeletedFrame): Said | undefined;
  react(frame: ReactionFrame, me: string): Said | undefined;
  numbered(number: number): Said | undefined;
  byId(id: string): Said | undefined;
  /** The newest that stands, of those that are wanted. */
  newest(wanted: (said: Said) => boolean): Said | undefined;
  /** Keeps what is shown, and no number of it. */
  forget(): void;
}

export const MOST_ITEMS = 1000;
/** Different emoji a message has at most, by the protocol. */
const MOST_EMOJI = 50;

export function createScrollback(most: number = MOST_ITEMS): Scrollback {
  const items: Item[] = [];
  let total = 0;
  let lastNumber = 0;
  const ids = new Map<string, Said>();

  const push = (item: Item): void => {
    items.push(item);
    total += 1;
    if (items.length <= most) return;
    const [oldest] = items.splice(0, 1);
    if (oldest?.kind === "said") ids.delete(oldest.said.id);
  };

  return {
    items: () => items,
    total: () => total,
    add(frame, me) {
      const said = toSaid(frame, (lastNumber += 1), me);
      push({ kind: "said", said });
      ids.set(said.id, said);
      const answered = ids.get(frame.replyTo ?? "");
      if (answered !== undefined) answered.replies += 1;
      return said;
    },
    note: (text) => push({ kind: "note", text }),
    markUnread: () => push({ kind: "unread" }),
    edit({ id, body }) {
      const said = ids.get(id);
      // Without a body it was deleted after this edit, which is told by a frame of its own.
      if (said?.body === undefined || body === undefined) return said;
      Object.assign(said, { body, isEdited: true });
      return said;
    },
    remove({ id }) {
      const said = ids.get(id);
      if (said === undefined) return undefined;
      said.body = undefined;
      said.reactions.clear();
      return said;
    },
    react({ id, emoji, user, on }, me) {
      const said = ids.get(id);
      if (said?.body !== undefined) turn(said.reactions, emoji, on, user === me);
      return said;
    },
    numbered: (number) => [...ids.values()].find((said) => said.number === number),
    byId: (id) => ids.get(id),
    newest: (wanted) => newestOf([...ids.values()].filter((said) => said.body !== undefined && wanted(said))),
    forget: () => ids.clear(),
  };
}

function toSaid(frame: MessageFrame, number: number, me: string): Said {
  const { id, epoch, seq, user, name, at, body, deleted, editedAt, replyTo, replies = 0, mentions = [] } = frame;
  const reactions = (frame.reactions ?? []).slice(0, MOST_EMOJI);
  return {
    ...{ number, id, position: { epoch, seq }, user, name, at, replyTo, replies },
    body: deleted === true ? undefined : body,
    isEdited: editedAt !== undefined,
    isForMe: mentions.includes(me),
    reactions: new Map(reactions.map(({ emoji, count, mine }) => [emoji, { count, mine }])),
  };
}

function turn(reactions: Map<string, Reaction>, emoji: string, on: boolean, isMine: boolean): void {
  const { count, mine } = reactions.get(emoji) ?? { count: 0, mine: false };
  const after = count + (on ? 1 : -1);
  if (after <= 0) reactions.delete(emoji);
  else if (count > 0 || reactions.size < MOST_EMOJI) {
    reactions.set(emoji, { count: after, mine: isMine ? on : mine });
  }
}

function newestOf(some: readonly Said[]): Said | undefined {
  return some.toSorted((a, b) => comparePositions(a.position, b.position)).at(-1);
}
