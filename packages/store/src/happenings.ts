// What Postgres has of one message and one user, for whoever asks why the one did or did not reach the other. Called by the api,
// for operators. Judges nothing; what was never noted is not here.
import type { Role } from "@rookery/protocol";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** Times in ms since the Unix epoch, here and below by the clock of Redis where not said otherwise. */
export interface TracedMessage {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly author: string;
  readonly at: number;
  /** Null while it shows its text. */
  readonly deletedAt: number | null;
}

/** As it is today; times of this by the clock of Postgres. */
export interface StandingToday {
  readonly kind: string;
  readonly role: Role | null;
  /** Since when, null without a role. */
  readonly since: number | null;
  readonly banAt: number | null;
  readonly banUntil: number | null;
  /** A ban everywhere, perhaps lifted since. */
  readonly outAt: number | null;
  readonly outUntil: number | null;
  readonly outLifted: number | null;
}

export interface NotedRecord {
  readonly id: string;
  readonly at: number;
  readonly kind: string;
  readonly actor: string;
  readonly subject: string | null;
  readonly channel: string | null;
  readonly node: string | null;
  readonly reason: string | null;
  readonly data: Readonly<Record<string, unknown>> | null;
}

/** Every method is one statement and throws ChatError `unavailable` while Postgres is away. */
export interface Happenings {
  /** Without a channel every one is looked into. */
  message(id: string, channel: string | undefined): Promise<TracedMessage | undefined>;
  /** Undefined of a channel that was never made. */
  standing(channel: string, user: string): Promise<StandingToday | undefined>;
  /** What was noted of the user up to a moment and, of comings and goings, right after it; ascending, of no other channel. */
  records(user: string, channel: string, atMs: number): Promise<NotedRecord[]>;
}

const MESSAGE = loadStatement("explain-message");
const STANDING = loadStatement("explain-standing");
const RECORDS = loadStatement("explain-records");

const MOST_BEFORE = 500;
const MOST_AFTER = 50;

export function createHappenings(store: Store): Happenings {
  return {
    message: async (id, channel) => (await store.read<TracedMessage>("the history", MESSAGE, [id, channel ?? null]))[0],
    standing: async (channel, user) => (await store.read<StandingToday>("channels", STANDING, [channel, user]))[0],
    async records(user, channel, atMs) {
      const asked = [user, channel, atMs, MOST_BEFORE, MOST_AFTER];
      const rows = await store.read<NotedRecord>("the history", RECORDS, asked);
      // What a user did to oneself is found as an act and as what was done.
      return [...new Map(rows.map((row) => [row.id, row])).values()];
    },
  };
}
