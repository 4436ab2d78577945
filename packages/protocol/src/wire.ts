/**
 * The light way into this package, for clients: what a page needs to speak to an edge and to understand how it answers,
 * without the schemas and the library that reads them. At most 2 KB gzipped, which a test holds.
 */
export type { BackoffBounds } from "./backoff.ts";
export { backoffMs, RECONNECT } from "./backoff.ts";
export type { ClientFrame, ClientFrameOf, ClientFrameType, Meta } from "./client-frames.ts";
export type { CloseAction, CloseReason } from "./closes.ts";
export { actionForClose, CLOSES, isFarewell } from "./closes.ts";
export { encodeClientFrame } from "./encode-client.ts";
export type { ErrorCode, ErrorDetails, Retry } from "./errors.ts";
export { ChatError, ERRORS } from "./errors.ts";
export type { FrameLimits } from "./limits.ts";
export {
  AUTH_TIMEOUT_MS,
  BACKOFF_MAX_MS,
  BACKOFF_MIN_MS,
  BACKOFF_RESET_MS,
  DEFAULT_LIMITS,
  DEFAULT_PAGE_MEMBERS,
  DEFAULT_PAGE_MESSAGES,
  HEARTBEAT_MS,
  JOINS_PER_FRAME,
  MAX_PAGE_MEMBERS,
  ONCE_MS,
  TURN_KEPT_MS,
  TOKEN_GRACE_MS,
  TYPING_TTL_MS,
} from "./limits.ts";
export type { Position } from "./position.ts";
export { comparePositions, formatPosition, ORIGIN, parsePosition, samePosition } from "./position.ts";
export type {
  ErrorFrame,
  GapFrame,
  MessageFrame,
  OkFrame,
  OkBodyType,
  OkFrameOf,
  SequencedFrame,
  ServerFrame,
  ServerFrameOf,
  ServerFrameType,
} from "./server-frames.ts";
