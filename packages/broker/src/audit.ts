// What happened, for those who have to answer for it: records on their way through the outbox to `audit_log`. Shapes and
// promises; edges note what happens to connections, the api's acts travel with their announcement (control-log.ts).
// Must never hold a message's text, a token, a password or an address that is not hashed.

/** Every kind of record, by what it tells. */
export const AUDIT_KINDS = [
  ...(["connect", "disconnect", "auth_failure", "join", "leave", "left_out"] as const),
  ...(["ban", "unban", "mute", "unmute", "kick", "role", "ban_everywhere", "unban_everywhere"] as const),
  ...(["disconnect_user", "notice", "revoke", "logout", "channel_create", "channel_change", "channel_delete"] as const),
  ...(["message", "edited", "deleted", "key_create", "key_revoke", "drain", "audit_key"] as const),
  ...(["dead_letter_retry", "dead_letter_drop"] as const),
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** Null where there is nothing to tell. The time is Redis', set when it is queued. */
export interface AuditRecord {
  /** The same for the same happening, where several may note it: it is kept once. Otherwise each record is its own. */
  readonly id?: string;
  readonly kind: AuditKind;
  /** A user id, `key:<name>` for an API key, or `node:<id>`. */
  readonly actor: string;
  readonly subject: string | null;
  readonly channel: string | null;
  readonly node: string | null;
  /** Hashed. */
  readonly address: string | null;
  readonly reason: string | null;
  /** Flat. */
  readonly data: Readonly<Record<string, string | number | boolean>> | null;
}

export interface AuditTrail {
  /**
   * Queues the record in the partition of `user`, behind those noted before. Never waits and never fails the caller: what
   * finds no room, in this process or beyond the audit's reserve in the outbox, is counted and told by a `left_out` record.
   */
  note(this: void, user: string, record: AuditRecord): void;
  /** Noted, and not in Redis yet. */
  waiting(this: void): number;
  /** Resolves once whatever was noted so far is in Redis, or was left out. */
  settled(this: void): Promise<void>;
  close(this: void): Promise<void>;
}
