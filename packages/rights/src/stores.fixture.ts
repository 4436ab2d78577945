// Redis and Postgres as `Rights` sees them, kept in this process, so that tests decide what each knows and says, and count it.
import { ChatError } from "@rookery/protocol";
import type { AccessEntry, ChannelChange, ChannelRecord } from "@rookery/protocol";
import type { ChannelSettings } from "./channel-store.ts";
import { NO_ENTRY } from "./judge.ts";
import type { AccessWish, KnownAccess } from "./known-access.ts";

export const UNSET: ChannelSettings = { version: 0, digestAbove: null, countAbove: null };

interface Stored {
  record: ChannelRecord;
  readonly entries: Map<string, AccessEntry>;
}

export const recordOf = (over: Partial<ChannelRecord> = {}): ChannelRecord => ({
  ...{ version: 3, kind: "public", owner: "olga", slowModeSec: 0, memberCap: null, deleted: false },
  ...over,
});

export const entryOf = (over: Partial<AccessEntry>): AccessEntry => ({ ...NO_ENTRY, ...over });

export const away = (): ChatError => new ChatError("unavailable", "away");

/** `mostWhole`: up to so many entries a channel is whole. */
export function fakeStores({ mostWhole = 256, settings = UNSET } = {}) {
  const postgres = new Map<string, Stored>();
  const redis = new Map<string, KnownAccess>();
  /** The versions that fence sends, by channel. */
  const raised = new Map<string, number>();
  const calls: string[] = [];
  const now = { postgres: undefined as unknown, redis: undefined as unknown };
  /** By call: what happens after it was answered and before the answer arrives. */
  const meanwhile = new Map<string, () => void>();
  const call = async <Answer>(text: string, trouble: () => unknown, answer: () => Answer): Promise<Answer> => {
    calls.push(text);
    const reason = trouble();
    if (reason !== undefined) throw reason;
    const answered = answer();
    await new Promise((resolve) => setImmediate(resolve));
    meanwhile.get(text)?.();
    meanwhile.delete(text);
    return answered;
  };
  const words = (wishes: readonly AccessWish[]): string =>
    wishes.map(({ channel, users }) => [channel, ...users].join(":")).join(" ");
  const knownOf = ({ record, entries }: Stored, users: readonly string[]): KnownAccess => {
    const isWhole = entries.size <= mostWhole;
    const some = isWhole ? entries : users.map((user) => [user, entries.get(user) ?? NO_ENTRY] as const);
    return { record, isWhole, entries: new Map(some) };
  };
  const answersFor = (known: KnownAccess | undefined, users: readonly string[]): KnownAccess | undefined =>
    known !== undefined && (known.isWhole || users.every((user) => known.entries.has(user))) ? known : undefined;

  return {
    ...{ postgres, redis, calls, now, meanwhile },
    /** A channel as Postgres has it. */
    put(
      this: void,
      channel: string,
      record: Partial<ChannelRecord> = {},
      entries: Record<string, Partial<AccessEntry>> = {},
    ): void {
      const all = Object.entries(entries).map(([user, entry]) => [user, entryOf(entry)] as const);
      postgres.set(channel, { record: recordOf(record), entries: new Map(all) });
    },
    /** Commits a change in Postgres alone; whoever is to hear of it is handed what comes back. */
    commit(
      this: void,
      channel: string,
      entries: Record<string, Partial<AccessEntry>>,
      record: Partial<ChannelRecord> = {},
    ): ChannelChange {
      const stored = postgres.get(channel) ?? {
        record: recordOf({ version: 0 }),
        entries: new Map<string, AccessEntry>(),
      };
      stored.record = { ...stored.record, version: stored.record.version + 1, ...record };
      postgres.set(channel, stored);
      const changed = Object.entries(entries).map(([user, over]) => ({ user, entry: entryOf(over) }));
      for (const { user, entry } of changed) {
        if (entry.role === null && entry.ban === null && entry.mute === null) stored.entries.delete(user);
        else stored.entries.set(user, entry);
      }
      return { kind: "channel", channel, record: stored.record, entries: changed, forgets: false, removal: null };
    },
    /** What Redis remembers after a change was announced; nobody is told. */
    announce(this: void, { channel, record, entries }: ChannelChange): void {
      const held = redis.get(channel);
      raised.set(channel, Math.max(raised.get(channel) ?? 0, record.version));
      if (held === undefined || held.record.version >= record.version) return;
      const changed = entries.map(({ user, entry }) => [user, entry] as const);
      if (held.record.version + 1 < record.version) redis.delete(channel);
      else redis.set(channel, { ...held, record, entries: new Map([...held.entries, ...changed]) });
    },
    loseRedis(this: void): void {
      redis.clear();
      raised.clear();
    },
    access: {
      read: (wishes: readonly AccessWish[]) =>
        call(
          `redis ${words(wishes)}`,
          () => now.redis,
          () => wishes.map(({ channel, users }) => answersFor(redis.get(channel), users)),
        ),
      async fill(channel: string, known: KnownAccess): Promise<void> {
        if (now.redis !== undefined) throw now.redis;
        const held = redis.get(channel);
        if (Math.max(raised.get(channel) ?? 0, held?.record.version ?? 0) > known.record.version) return;
        raised.set(channel, known.record.version);
        redis.set(channel, known);
      },
    },
    standings: {
      read: (wishes: readonly AccessWish[]) =>
        call(
          `postgres ${words(wishes)}`,
          () => now.postgres,
          () =>
            new Map(
              wishes.flatMap(({ channel, users }) => {
                const stored = postgres.get(channel);
                return stored === undefined ? [] : [[channel, knownOf(stored, users)] as const];
              }),
            ),
        ),
    },
    channels: {
      existing: (ids: readonly string[]) =>
        call(
          `rules ${ids.join(" ")}`,
          () => now.postgres,
          () => new Map(ids.filter((id) => postgres.has(id)).map((id) => [id, settings])),
        ),
      ensurePublic: (ids: readonly string[], owner: string) =>
        call(
          `create ${ids.join(" ")} for ${owner}`,
          () => now.postgres,
          () => {
            for (const id of ids) {
              if (postgres.has(id)) continue;
              postgres.set(id, {
                record: recordOf({ version: 0, owner }),
                entries: new Map([[owner, entryOf({ role: "owner" })]]),
              });
            }
            return new Map(ids.map((id) => [id, settings]));
          },
        ),
    },
    partitionOf: (channel: string) => (channel.startsWith("far") ? 9 : 1),
  };
}
