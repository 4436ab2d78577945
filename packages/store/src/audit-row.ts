// One record of `audit_log`, before it is sealed and after. Shared by the persister, which has them sealed, by those who read
// the log and by whoever verifies it. Types only.

/** Null where there is nothing to tell. Texts without NUL. */
export interface AuditRow {
  readonly kind: "audit";
  /** The same for the same happening, however often it is noted. */
  readonly id: string;
  /** Since the Unix epoch, ms. */
  readonly at: number;
  /** What happened: the broker's AuditKind, or one of a newer build. */
  readonly what: string;
  readonly actor: string;
  readonly subject: string | null;
  readonly channel: string | null;
  readonly node: string | null;
  readonly address: string | null;
  readonly reason: string | null;
  /** JSON text, kept as it was sealed. */
  readonly data: string | null;
}

/** The end of one partition's chain. */
export interface AuditHead {
  /** How many rows it has. */
  readonly n: number;
  /** Seal of the last, in hex; null of an empty chain. */
  readonly mac: string | null;
}

/** A row with where it stands in its partition's chain. */
export interface SealedRow extends AuditRow {
  readonly partition: number;
  readonly n: number;
  readonly keyId: string;
  /** hex */
  readonly mac: string;
}
