// Channels as Postgres has them, beside who may do what in them: which of them make themselves, and from how many members
// present on each is told in another way. A port, kept by package store; types only.

/** From how many members present on a channel is told in another way; null where the default holds. */
export interface ChannelSettings {
  /** Grows with every change; 0 while only defaults were ever in force. */
  readonly version: number;
  readonly digestAbove: number | null;
  readonly countAbove: number | null;
}

/** Every method rejects with ChatError `unavailable` while Postgres is away. */
export interface ChannelStore {
  /** Those of these that exist. One statement. */
  existing(channels: readonly string[]): Promise<ReadonlyMap<string, ChannelSettings>>;
  /**
   * All of these, of which those public ones that never were are created, with their first user as owner. Two statements,
   * and a third where another creates one at the very moment.
   */
  ensurePublic(channels: readonly string[], owner: string): Promise<ReadonlyMap<string, ChannelSettings>>;
}
