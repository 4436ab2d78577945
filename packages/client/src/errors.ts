/** The one type of error that promises of this package reject with, but for an application's own abort reason. */

export type Retry = "never" | "later" | "after_auth";

/** What a refusal may tell beside its code. */
export interface Refusal {
  readonly retry?: Retry;
  readonly retryAfterMs?: number;
  readonly until?: number;
}

/**
 * `code` is one of the protocol's, or one of these: `closed`, the client was closed, or the cluster sent it away for good; `left`,
 * the channel was left; `lost`, a failover took back what had been accepted. `unknown` says that nobody can tell the outcome
 * any more: it may have happened.
 */
export class RookeryError extends Error {
  override readonly name = "RookeryError";
  declare readonly code: string;
  /** Whether the same can succeed another time. */
  declare readonly retry: Retry;
  declare readonly retryAfterMs: number | undefined;
  /** When a ban or a mute ends, in ms since the Unix epoch. */
  declare readonly until: number | undefined;

  constructor(code: string, message: string, { retry = "never", retryAfterMs, until }: Refusal = {}) {
    super(message);
    Object.assign(this, { code, retry, retryAfterMs, until });
  }
}

export const errorOf = (frame: Refusal & { readonly code: string; readonly message: string }): RookeryError =>
  new RookeryError(frame.code, frame.message, frame);
