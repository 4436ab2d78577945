// How far users have read, and how much they have not: found for edges, many users in one statement, and saved for the
// persister. How a count is made and what it costs stands in migration 0010. Knows what is stored; what is newer, the caller.
import type { Position } from "@rookery/protocol";
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** Messages that stand behind `read` and not behind `upTo`. */
export interface Span {
  readonly read: Position;
  readonly upTo: Position;
  /** Counted up to here, messages of others and mentions of the user. */
  readonly mostUnread: number;
  readonly mostMentions: number;
}

/** A user in a channel: how far they have read, or how much of a span they have not. */
export interface ReadWish {
  readonly channel: string;
  readonly user: string;
  readonly span?: Span | undefined;
}

export interface ReadAnswer {
  /** Of a wish without span; undefined for one who has read nothing. */
  readonly read: Position | undefined;
  /** Of a wish with a span. */
  readonly unread: number;
  readonly mentions: number;
}

/** Up to where, inclusive. */
export interface MentionWish {
  readonly channel: string;
  readonly upTo: Position;
}

export interface Mention {
  readonly user: string;
  readonly position: Position;
  /** Of the message. */
  readonly id: string;
}

export interface SavedRead {
  readonly channel: string;
  readonly user: string;
  readonly position: Position;
}

/** Every method is one statement. */
export interface ReadPositions {
  /**
   * In order. `deleted`: ids of messages that count no more, whether or not their deletions are stored. Throws ChatError
   * `unavailable` while Postgres is away.
   */
  find(wishes: readonly ReadWish[], deleted: readonly string[]): Promise<ReadAnswer[]>;
  /** For each, in order, at most so many, newest first; none in a message of the user's own. Throws `unavailable`. */
  newestMentions(wishes: readonly MentionWish[], most: number): Promise<Mention[][]>;
  /** Each user of a channel once. Moves forward only. Rejects with the driver's error. */
  save(reads: readonly SavedRead[]): Promise<void>;
}

const FIND = loadStatement("reads-find");
const MENTIONS = loadStatement("mentions-newest");
const SAVE = loadStatement("reads-save");

interface FoundRow {
  /** From 1. */
  readonly index: number;
  readonly epoch: number | null;
  readonly seq: number | null;
  readonly unread: number | null;
  readonly mentions: number | null;
}

type MentionRow = Position & { readonly index: number; readonly user: string; readonly id: string | null };

export function createReadPositions(store: Store): ReadPositions {
  return {
    async find(wishes, deleted) {
      const column = (of: (wish: ReadWish) => string | number | null | undefined): string =>
        arrayLiteral(wishes.map((wish) => of(wish) ?? null));
      const rows = await store.read<FoundRow>("read positions", FIND, [
        column(({ channel }) => channel),
        column(({ user }) => user),
        column(({ span }) => span?.read.epoch),
        column(({ span }) => span?.read.seq),
        column(({ span }) => span?.upTo.epoch),
        column(({ span }) => span?.upTo.seq),
        column(({ span }) => span?.mostUnread),
        column(({ span }) => span?.mostMentions),
        arrayLiteral(deleted),
      ]);
      const found = new Map(rows.map((row) => [row.index, row]));
      return wishes.map((_, n) => {
        const { epoch = null, seq = null, unread, mentions } = found.get(n + 1) ?? {};
        const read = epoch === null || seq === null ? undefined : { epoch, seq };
        return { read, unread: unread ?? 0, mentions: mentions ?? 0 };
      });
    },
    async newestMentions(wishes, most) {
      const rows = await store.read<MentionRow>("read positions", MENTIONS, [
        arrayLiteral(wishes.map(({ channel }) => channel)),
        arrayLiteral(wishes.map(({ upTo }) => upTo.epoch)),
        arrayLiteral(wishes.map(({ upTo }) => upTo.seq)),
        most,
      ]);
      const found = wishes.map((): Mention[] => []);
      for (const { index, user, epoch, seq, id } of rows)
        found[index - 1]?.push({ user, position: { epoch, seq }, id: id ?? "" });
      return found;
    },
    async save(reads) {
      await store.query(SAVE, [
        arrayLiteral(reads.map(({ channel }) => channel)),
        arrayLiteral(reads.map(({ user }) => user)),
        arrayLiteral(reads.map(({ position }) => position.epoch)),
        arrayLiteral(reads.map(({ position }) => position.seq)),
      ]);
    },
  };
}
