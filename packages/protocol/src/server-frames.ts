/**
 * Schemas of every frame the server sends and of the bodies of `ok`, and the types read from them.
 * Encoders write these shapes, clients and documents read them; the persister parses `message` by them.
 */
import Type, { type Static } from "typebox";
import { CLOSES } from "./closes.ts";
import { ERRORS, type ErrorCode, type Retry } from "./errors.ts";
import {
  ChannelId,
  ClientId,
  Meta,
  MessageId,
  Name,
  Ordinal,
  PositionField,
  Ref,
  Tally,
  Text,
  TimeMs,
  UserId,
} from "./fields.ts";
import type { FrameLimits } from "./limits.ts";

/** How a channel's presence is told: each by name, in digests, or as a number only. */
export const MODES = ["full", "digest", "count"] as const;
export const ROLES = ["owner", "moderator", "member", "reader"] as const;
export const RIGHTS = ["join", "read", "write", "react", "presence", "history", "moderate", "own"] as const;
export const REMOVED_CODES = ["banned", "kicked", "forbidden", "deleted", "password_changed"] as const;
export type Mode = (typeof MODES)[number];
export type Role = (typeof ROLES)[number];
export type Right = (typeof RIGHTS)[number];
export type RemovedCode = (typeof REMOVED_CODES)[number];

const words = <T extends string>(list: readonly T[]): Type.TEnum<T[]> => Type.Enum([...list]);
const isErrorCode = (word: string): word is ErrorCode => word in ERRORS;

const ModeField = words(MODES);
const RoleField = words(ROLES);
const Rights = Type.Array(words(RIGHTS));
const RetryField = words<Retry>(["never", "later", "after_auth"]);
const ErrorCodeField = words(Object.keys(ERRORS).filter(isErrorCode));
const channel = ChannelId;
const position = { channel, epoch: Ordinal, seq: Ordinal };
const sequenced = { ...position, at: TimeMs, prev: Type.Optional(PositionField) };
const person = { user: UserId, name: Name };
const Person = Type.Object(person);

const limitField = (): Type.TInteger => Type.Integer({ minimum: 0 });
const Limits = Type.Object({
  frameBytes: limitField(),
  bodyBytes: limitField(),
  metaBytes: limitField(),
  channels: limitField(),
  pageMessages: limitField(),
  pageBytes: limitField(),
  sendsPerSec: limitField(),
  sendBurst: limitField(),
  commandsPerSec: limitField(),
  typingPerSec: limitField(),
  idleMs: limitField(),
} satisfies Record<keyof FrameLimits, Type.TInteger>);

const Reaction = Type.Object({ emoji: Text, count: Tally, mine: Type.Boolean() });

/** `body`, `meta` and `mentions` are absent when `deleted`; the last four fields stand only in backward and newest pages. */
const Message = Type.Object({
  type: Type.Literal("message"),
  ...sequenced,
  id: MessageId,
  clientId: ClientId,
  ...person,
  body: Type.Optional(Text),
  replyTo: Type.Optional(MessageId),
  meta: Type.Optional(Meta),
  mentions: Type.Optional(Type.Array(UserId)),
  deleted: Type.Optional(Type.Literal(true)),
  editedAt: Type.Optional(TimeMs),
  reactions: Type.Optional(Type.Array(Reaction)),
  replies: Type.Optional(Tally),
});
/** `body` is absent when the message has been deleted since. */
const Edited = Type.Object({
  type: Type.Literal("edited"),
  ...sequenced,
  id: MessageId,
  user: UserId,
  body: Type.Optional(Text),
});
const Deleted = Type.Object({ type: Type.Literal("deleted"), ...sequenced, id: MessageId, user: UserId });
const ReactionFrameSchema = Type.Object({
  type: Type.Literal("reaction"),
  ...sequenced,
  id: MessageId,
  user: UserId,
  emoji: Text,
  on: Type.Boolean(),
});
const SequencedSchema = Type.Union([Message, Edited, Deleted, ReactionFrameSchema]);
const Page = { messages: Type.Array(SequencedSchema), more: Type.Boolean() };
const Join = Type.Object({
  ...position,
  recovered: Type.Boolean(),
  ...Page,
  role: RoleField,
  can: Rights,
  mode: ModeField,
  online: Tally,
  read: Type.Optional(PositionField),
  unread: Type.Optional(Tally),
  mentions: Type.Optional(Tally),
  saved: PositionField,
});

const Failure = {
  code: ErrorCodeField,
  message: Text,
  retry: RetryField,
  retryAfterMs: Type.Optional(Tally),
  channel: Type.Optional(channel),
  until: Type.Optional(TimeMs),
};
/** Answer to a `join` with `joins`: one body for each, in order, told apart by its `type`. */
const Joins = Type.Object({
  results: Type.Array(
    Type.Union([
      Type.Object({ type: Type.Literal("ok"), ...Join.properties }),
      Type.Object({ type: Type.Literal("error"), ...Failure }),
    ]),
  ),
});
const Taken = Type.Object({ channel, id: MessageId, epoch: Ordinal, seq: Ordinal });

/** What `ok` adds for each command; `joins` is the answer to a `join` of several channels. */
export const OK_BODIES = {
  auth: Type.Object({ user: UserId, expiresAt: TimeMs, refreshAt: TimeMs }),
  join: Join,
  joins: Joins,
  leave: Type.Object({ channel }),
  send: Type.Object({
    channel,
    id: MessageId,
    clientId: ClientId,
    epoch: Ordinal,
    seq: Ordinal,
    at: TimeMs,
    duplicate: Type.Optional(Type.Literal(true)),
  }),
  edit: Taken,
  delete: Taken,
  react: Taken,
  typing: Type.Object({}),
  read: Type.Object({ channel, read: PositionField, unread: Type.Optional(Tally), mentions: Type.Optional(Tally) }),
  history: Type.Object({ channel, ...Page }),
  members: Type.Object({
    channel,
    online: Tally,
    members: Type.Array(Type.Object({ ...person, role: RoleField })),
    cursor: Type.Optional(Text),
  }),
} as const;

/** Type of a frame -> its schema. */
export const SERVER_FRAMES = {
  welcome: Type.Object({
    type: Type.Literal("welcome"),
    session: Text,
    ...person,
    node: Text,
    expiresAt: TimeMs,
    refreshAt: TimeMs,
    heartbeatMs: Tally,
    limits: Limits,
  }),
  ok: Type.Object({ type: Type.Literal("ok"), ref: Ref }),
  error: Type.Object({ type: Type.Literal("error"), ref: Type.Optional(Ref), ...Failure }),
  message: Message,
  edited: Edited,
  deleted: Deleted,
  reaction: ReactionFrameSchema,
  joined: Type.Object({ type: Type.Literal("joined"), channel, ...person, online: Tally }),
  left: Type.Object({ type: Type.Literal("left"), channel, ...person, online: Tally }),
  presence: Type.Object({
    type: Type.Literal("presence"),
    channel,
    online: Tally,
    mode: ModeField,
    joined: Type.Optional(Type.Array(Person)),
    left: Type.Optional(Type.Array(Person)),
  }),
  typing: Type.Object({ type: Type.Literal("typing"), channel, ...person, on: Type.Boolean(), ttlMs: Tally }),
  read: Type.Object({ type: Type.Literal("read"), ...position }),
  rights: Type.Object({
    type: Type.Literal("rights"),
    channel,
    role: RoleField,
    can: Rights,
    mutedUntil: Type.Optional(TimeMs),
  }),
  notice: Type.Object({ type: Type.Literal("notice"), id: Text, body: Text, meta: Type.Optional(Meta), at: TimeMs }),
  removed: Type.Object({
    type: Type.Literal("removed"),
    channel,
    code: words(REMOVED_CODES),
    until: Type.Optional(TimeMs),
    reason: Type.Optional(Text),
  }),
  gap: Type.Object({
    type: Type.Literal("gap"),
    channel,
    from: PositionField,
    to: PositionField,
    lost: Type.Optional(Type.Literal(true)),
  }),
  persisted: Type.Object({ type: Type.Literal("persisted"), ...position }),
  reconnect: Type.Object({
    type: Type.Literal("reconnect"),
    afterMs: Tally,
    code: Type.Literal(CLOSES.draining.code),
  }),
  pong: Type.Object({ type: Type.Literal("pong"), ref: Type.Optional(Ref), at: TimeMs }),
} as const;

export type ServerFrameType = keyof typeof SERVER_FRAMES;
export type ServerFrameOf<T extends ServerFrameType> = Static<(typeof SERVER_FRAMES)[T]>;
export type ServerFrame = { [T in ServerFrameType]: ServerFrameOf<T> }[ServerFrameType];
export type WelcomeFrame = ServerFrameOf<"welcome">;
export type OkFrame = ServerFrameOf<"ok">;
export type ErrorFrame = ServerFrameOf<"error">;
export type MessageFrame = ServerFrameOf<"message">;
/** A message as it was announced: its body is there. */
export type FullMessageFrame = MessageFrame & { body: string };
export type EditedFrame = ServerFrameOf<"edited">;
export type DeletedFrame = ServerFrameOf<"deleted">;
export type ReactionFrame = ServerFrameOf<"reaction">;
/** Frames that take a position in the channel. */
export type SequencedFrame = MessageFrame | EditedFrame | DeletedFrame | ReactionFrame;
export type JoinedFrame = ServerFrameOf<"joined">;
export type LeftFrame = ServerFrameOf<"left">;
export type PresenceFrame = ServerFrameOf<"presence">;
export type TypingFrame = ServerFrameOf<"typing">;
export type ReadFrame = ServerFrameOf<"read">;
export type RightsFrame = ServerFrameOf<"rights">;
export type NoticeFrame = ServerFrameOf<"notice">;
export type RemovedFrame = ServerFrameOf<"removed">;
export type GapFrame = ServerFrameOf<"gap">;
export type PersistedFrame = ServerFrameOf<"persisted">;
export type ReconnectFrame = ServerFrameOf<"reconnect">;
export type PongFrame = ServerFrameOf<"pong">;
/** One emoji of a message in a folded page. */
export type ReactionCount = Static<typeof Reaction>;

export type OkBodyType = keyof typeof OK_BODIES;
export type OkBodyOf<T extends OkBodyType> = Static<(typeof OK_BODIES)[T]>;
/** The whole `ok` that answers one command. */
export type OkFrameOf<T extends OkBodyType> = OkFrame & OkBodyOf<T>;
