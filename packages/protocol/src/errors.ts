/**
 * The refusals of one command: a table of codes with their fate, and the only error type that carries them.
 * Commands throw ChatError, the edge turns it into an `error` frame and the api into a problem document.
 * Must never hold text from a driver, a query or another user.
 */

/** When repeating the same command can succeed: not at all, after a while, or with a fresh token. */
export type Retry = "never" | "later" | "after_auth";

interface ErrorRow {
  readonly retry: Retry;
  /** Status of the REST answer that carries this code. */
  readonly http: number;
  readonly meaning: string;
}

/** Every error code a client can meet. PROTOCOL.md lists the same rows; a test compares them. */
export const ERRORS = {
  bad_frame: { retry: "never", http: 400, meaning: "not a frame: broken JSON, a field absent or of the wrong type" },
  invalid: { retry: "never", http: 400, meaning: "a field has the right type and a value that is not allowed" },
  too_large: { retry: "never", http: 413, meaning: "frame, body or meta is over its limit" },
  unknown_type: { retry: "never", http: 404, meaning: "no frame has this type" },
  unauthenticated: { retry: "after_auth", http: 401, meaning: "no valid token has been shown" },
  token_expired: { retry: "after_auth", http: 401, meaning: "the token was valid and no longer is" },
  forbidden: { retry: "never", http: 403, meaning: "known, and not allowed to do this" },
  not_found: { retry: "never", http: 404, meaning: "absent, or hidden from this user" },
  not_joined: { retry: "never", http: 409, meaning: "the channel has to be joined first" },
  password_required: { retry: "never", http: 403, meaning: "the channel asks for a password" },
  wrong_password: { retry: "never", http: 403, meaning: "the password is not the channel's" },
  banned: { retry: "never", http: 403, meaning: "shut out, until `until` when it is given" },
  muted: { retry: "never", http: 403, meaning: "may read and not write, until `until` when it is given" },
  slow_mode: { retry: "later", http: 429, meaning: "the channel's pause between messages is not over" },
  rate_limited: { retry: "later", http: 429, meaning: "over a rate limit" },
  conflict: { retry: "never", http: 409, meaning: "it contradicts what stands: a key, an id or a rule" },
  too_many: { retry: "never", http: 409, meaning: "a cap on channels or members is reached" },
  unavailable: { retry: "later", http: 503, meaning: "a store cannot be reached; nothing happened" },
  overloaded: {
    retry: "later",
    http: 503,
    meaning: "the backlog is full, or the node has too much to do; nothing happened",
  },
  unknown: { retry: "later", http: 504, meaning: "the outcome is not known; repeat with the same clientId" },
  internal: { retry: "later", http: 500, meaning: "a fault of the server, logged there" },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** What an `error` frame may tell besides its code. `until` is in ms since the Unix epoch. */
export interface ErrorDetails {
  readonly channel?: string;
  readonly retryAfterMs?: number;
  readonly until?: number;
}

/** A refusal of one command. `message` is shown to the client, so it must be safe to show. */
export class ChatError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = "ChatError";
    this.code = code;
    this.details = details;
  }
}
