/**
 * The language between clients and the cluster: what this package offers, by name. Runs in browsers and in Node.
 */
export { backoffMs, RECONNECT } from "./backoff.ts";
export type { ClientFrame, ClientFrameOf, ClientFrameType, Meta } from "./client-frames.ts";
export { CLIENT_FRAMES } from "./client-frames.ts";
export { follows } from "./continuity.ts";
export type { CloseReason } from "./closes.ts";
export { actionForClose, CLOSES } from "./closes.ts";
export type { Decoded } from "./decode.ts";
export { binaryFrameError, createDecoder, readFrame } from "./decode.ts";
export type { FrameHalves } from "./encode.ts";
export {
  deletedHalves,
  editedHalves,
  encodeError,
  encodeGap,
  encodeJoined,
  encodeLeft,
  encodeNotice,
  encodeOk,
  encodePage,
  encodePersisted,
  encodePong,
  encodePresence,
  encodeRead,
  encodeReconnect,
  encodeRemoved,
  encodeResults,
  encodeRights,
  encodeSent,
  encodeTyping,
  encodeWelcome,
  jsonMembers,
  messageHalves,
  pageMembers,
  reactionHalves,
  renderFrame,
} from "./encode.ts";
export { encodeClientFrame } from "./encode-client.ts";
export type { ErrorCode } from "./errors.ts";
export { ChatError, ERRORS } from "./errors.ts";
export { numbersSurvive } from "./exact-numbers.ts";
export { findRef } from "./find-ref.ts";
export {
  cleanName,
  DIRECT_PREFIX,
  displayName,
  findMentions,
  isChannelId,
  isClientId,
  isMessageId,
  isUserId,
} from "./ids.ts";
export type { FrameLimits } from "./limits.ts";
export {
  AUTH_TIMEOUT_MS,
  BACKOFF_RESET_MS,
  BAD_FRAMES_WINDOW_MS,
  COMMAND_BURST,
  CONNECTIONS_PER_USER,
  COUNT_ABOVE_MEMBERS,
  DEFAULT_LIMITS,
  DEFAULT_PAGE_MEMBERS,
  DEFAULT_PAGE_MESSAGES,
  DIGEST_ABOVE_MEMBERS,
  HEARTBEAT_MS,
  JOINS_PER_FRAME,
  LAYER_FRAME_BYTES,
  LEAVE_GRACE_MS,
  MAX_BAD_FRAMES,
  MAX_CURSOR_BYTES,
  MAX_DEPTH,
  MAX_KEYS,
  MAX_MESSAGE_EMOJI,
  MAX_PAGE_MEMBERS,
  MAX_PASSWORD_BYTES,
  MAX_REFUSALS,
  MAX_REPLIES,
  MAX_TOKEN_BYTES,
  MAX_UNREAD,
  MAX_USER_ID_BYTES,
  MODE_BACK_RATIO,
  ONCE_MS,
  TURN_KEPT_MS,
  PRE_AUTH_FRAME_BYTES,
  REFUSALS_WINDOW_MS,
  TICKET_MS,
  TOKEN_GRACE_MS,
  TYPING_TTL_MS,
} from "./limits.ts";
export { fitPage } from "./pages.ts";
export type { SequencedType } from "./sequenced-frames.ts";
export { isSequencedType, parseMessageFrame, parseSequencedFrame, renderSequencedFrame } from "./sequenced-frames.ts";
export type { Position } from "./position.ts";
export { comparePositions, formatPosition, ORIGIN, parsePosition, samePosition } from "./position.ts";
export type {
  DeletedFrame,
  EditedFrame,
  ErrorFrame,
  FullMessageFrame,
  GapFrame,
  JoinedFrame,
  LeftFrame,
  MessageFrame,
  Mode,
  NoticeFrame,
  OkBodyOf,
  OkBodyType,
  OkFrame,
  OkFrameOf,
  PersistedFrame,
  PongFrame,
  PresenceFrame,
  ReactionFrame,
  ReadFrame,
  ReconnectFrame,
  RemovedCode,
  RemovedFrame,
  Right,
  RightsFrame,
  Role,
  SequencedFrame,
  ServerFrame,
  ServerFrameOf,
  ServerFrameType,
  TypingFrame,
  WelcomeFrame,
} from "./server-frames.ts";
export { MODES, OK_BODIES, REMOVED_CODES, RIGHTS, ROLES, SERVER_FRAMES } from "./server-frames.ts";
export { CHANNEL_KINDS, parseAccessEntry, parseChannelRecord, parseControl } from "./control.ts";
export type {
  AccessEntry,
  AccessWish,
  BanEverywhere,
  ChannelChange,
  ChannelKind,
  ChannelRecord,
  Control,
  GlobalChange,
  KnownAccess,
  Removal,
  Revocation,
  Sanction,
  UserOrder,
} from "./control.ts";
export { isJsonObject, shapeFault } from "./shape.ts";
export type { EmojiCount, OwnReaction, Since, StoredFrame, StoredMessage } from "./stored-frame.ts";
export { cleanText, isOver, isWellFormed, utf8Bytes } from "./text.ts";
