/**
 * Schemas of every frame a client may send, and the types read from them. The decoder is generated from this table,
 * the documents list it. A field that stands in no schema here is ignored and never carried on.
 */
import Type, { type Static } from "typebox";
import {
  Body,
  ChannelId,
  ClientId,
  Count,
  Cursor,
  Emoji,
  Flag,
  JoinItems,
  MessageId,
  Meta,
  Ordinal,
  Password,
  PositionField,
  Ref,
  Token,
} from "./fields.ts";

const ref = Type.Optional(Ref);
const persisted = Type.Optional(Flag);
const limit = Type.Optional(Count);

const JoinOne = Type.Object({
  type: Type.Literal("join"),
  ref,
  channel: ChannelId,
  password: Type.Optional(Password),
  after: Type.Optional(PositionField),
  limit,
  persisted,
});
const JoinMany = Type.Object({ type: Type.Literal("join"), ref, joins: JoinItems, limit, persisted });

/** Type of a frame -> its schema. `join` has two forms: one `channel`, or a list of `joins`. */
export const CLIENT_FRAMES = {
  auth: Type.Object({ type: Type.Literal("auth"), ref, token: Token, persisted }),
  join: Type.Union([JoinOne, JoinMany]),
  leave: Type.Object({ type: Type.Literal("leave"), ref, channel: ChannelId }),
  send: Type.Object({
    type: Type.Literal("send"),
    ref,
    channel: ChannelId,
    clientId: ClientId,
    body: Body,
    replyTo: Type.Optional(MessageId),
    meta: Type.Optional(Meta),
  }),
  edit: Type.Object({ type: Type.Literal("edit"), ref, channel: ChannelId, id: MessageId, body: Body }),
  delete: Type.Object({ type: Type.Literal("delete"), ref, channel: ChannelId, id: MessageId }),
  react: Type.Object({ type: Type.Literal("react"), ref, channel: ChannelId, id: MessageId, emoji: Emoji, on: Flag }),
  typing: Type.Object({ type: Type.Literal("typing"), ref, channel: ChannelId, on: Flag }),
  read: Type.Object({ type: Type.Literal("read"), ref, channel: ChannelId, epoch: Ordinal, seq: Ordinal }),
  history: Type.Object({
    type: Type.Literal("history"),
    ref,
    channel: ChannelId,
    before: Type.Optional(PositionField),
    after: Type.Optional(PositionField),
    limit,
    replyTo: Type.Optional(MessageId),
  }),
  members: Type.Object({
    type: Type.Literal("members"),
    ref,
    channel: ChannelId,
    cursor: Type.Optional(Cursor),
    limit,
  }),
  ping: Type.Object({ type: Type.Literal("ping"), ref }),
} as const;

export type ClientFrameType = keyof typeof CLIENT_FRAMES;
/** The frame of one type, for example `ClientFrameOf<"send">`. */
export type ClientFrameOf<T extends ClientFrameType> = Static<(typeof CLIENT_FRAMES)[T]>;
export type ClientFrame = { [T in ClientFrameType]: ClientFrameOf<T> }[ClientFrameType];
/** Values that `meta` may hold. */
export type Meta = Static<typeof Meta>;
