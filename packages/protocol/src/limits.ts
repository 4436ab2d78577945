/**
 * Sizes, counts and times of the protocol: those a deployment may set (told in `welcome.limits`) and the fixed ones.
 * Decoder, edge, api and clients read them here. Must never read settings itself.
 */

/** Exactly the fields of `welcome.limits`. */
export interface FrameLimits {
  /** Largest frame a client may send, bytes of UTF-8. */
  readonly frameBytes: number;
  readonly bodyBytes: number;
  /** Largest `meta`, bytes of its JSON. */
  readonly metaBytes: number;
  /** Channels one session may have joined. */
  readonly channels: number;
  /** Most messages in one page, whatever `limit` asks for. */
  readonly pageMessages: number;
  /** Most bytes of messages in one reply. */
  readonly pageBytes: number;
  readonly sendsPerSec: number;
  readonly sendBurst: number;
  readonly commandsPerSec: number;
  readonly typingPerSec: number;
  /** Silence after which a connection is closed. */
  readonly idleMs: number;
}

export const DEFAULT_LIMITS: FrameLimits = /* @__PURE__ */ Object.freeze({
  frameBytes: 16_384,
  bodyBytes: 4_096,
  metaBytes: 1_024,
  channels: 100,
  pageMessages: 200,
  pageBytes: 65_536,
  sendsPerSec: 20,
  sendBurst: 40,
  commandsPerSec: 50,
  typingPerSec: 5,
  idleMs: 45_000,
});

/** Nesting of objects and lists in a frame, the frame itself being the first level: bounds every recursive walk. */
export const MAX_DEPTH = 16;
/** Keys in any one object of a frame: bounds the work that hash collisions can cause. */
export const MAX_KEYS = 64;
/** Largest first frame: a token of the largest size and room around it. */
export const PRE_AUTH_FRAME_BYTES = 12_288;
export const MAX_TOKEN_BYTES = 8_192;
/**
 * Hard size of the WebSocket layer; beyond it the connection is cut without a close frame. Far above any frame that is
 * taken, so that most mistakes are refused in words; what half-sent frames may hold of the server's memory is bounded by
 * the connections of an address times this.
 */
export const LAYER_FRAME_BYTES = 262_144;
/** A frame that is refused unread is searched for its `ref` this far from its start and from its end. */
export const REF_WINDOW_BYTES = 1_024;
export const JOINS_PER_FRAME = 100;
export const DEFAULT_PAGE_MESSAGES = 50;
export const DEFAULT_PAGE_MEMBERS = 100;
export const MAX_PAGE_MEMBERS = 1_000;
export const MAX_MENTIONS = 20;
/** Unread messages are counted up to here. */
export const MAX_UNREAD = 100;
export const MAX_REF_CHARS = 64;
export const MAX_CLIENT_ID_CHARS = 64;
export const MAX_CHANNEL_ID_CHARS = 64;
export const MESSAGE_ID_CHARS = 21;
export const MAX_USER_ID_BYTES = 128;
export const MAX_NAME_CODE_POINTS = 64;
/** UTF-16 units of a name that are looked at: bounds every pass over it. */
export const NAME_WINDOW_UNITS = 1_024;
export const MAX_MENTION_CHARS = 64;
/** Combining marks in a row: normalising more costs by their square (Unicode's stream-safe text format, UAX #15). */
export const MAX_MARKS = 30;
/** One grapheme may carry any number of combining marks; the longest emoji in use takes 41 bytes. */
export const MAX_EMOJI_BYTES = 64;
/** Answers to one message are counted up to here. */
export const MAX_REPLIES = 1_000;
/** Different emoji that stand on one message. */
export const MAX_MESSAGE_EMOJI = 50;
/** Bounds what a password hash is fed with. */
export const MAX_PASSWORD_BYTES = 1_024;
export const MAX_CURSOR_BYTES = 512;
export const COMMAND_BURST = 100;
export const CONNECTIONS_PER_USER = 10;
export const AUTH_TIMEOUT_MS = 5_000;
export const HEARTBEAT_MS = 25_000;
/** How long an expired session stays open to be refreshed by `auth`. */
export const TOKEN_GRACE_MS = 25_000;
export const TYPING_TTL_MS = 6_000;
/** How long a user stays present after the last connection or `leave`. */
export const LEAVE_GRACE_MS = 5_000;
/** How long a `clientId` is remembered. */
export const ONCE_MS = 600_000;
export const TICKET_MS = 30_000;
/** So many `bad_frame` within {@link BAD_FRAMES_WINDOW_MS} close with `protocol`. */
export const MAX_BAD_FRAMES = 10;
export const BAD_FRAMES_WINDOW_MS = 60_000;
/** So many `rate_limited` within {@link REFUSALS_WINDOW_MS} whose waits have not been kept close with `too_fast`. */
export const MAX_REFUSALS = 500;
export const REFUSALS_WINDOW_MS = 10_000;
/** How long the turn that a `rate_limited` promised is kept, from `retryAfterMs` on. */
export const TURN_KEPT_MS = 5_000;
export const BACKOFF_MIN_MS = 250;
export const BACKOFF_MAX_MS = 20_000;
/** A connection that lived this long resets the backoff. */
export const BACKOFF_RESET_MS = 30_000;
/** Members present above which a channel is told in digests, then as a number only; back below {@link MODE_BACK_RATIO} of it. */
export const DIGEST_ABOVE_MEMBERS = 100;
export const COUNT_ABOVE_MEMBERS = 1_000;
export const MODE_BACK_RATIO = 0.8;
