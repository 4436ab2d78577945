// How far each user has read in a channel, as Redis knows it: moved by `read`, looked up by joins, noted from Postgres. Called
// by edges alone; takings.ts hands what is new to Postgres. What Redis does not know is for the caller to ask of Postgres.
// States of a position: unfamiliar (nothing known here), known, waiting (known, and Postgres does not have it yet).
import { ChatError, encodeRead, formatPosition, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { ChannelHead } from "./channel-head.ts";
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { readHead, readPosition, textOrNull } from "./log.ts";
import { refusalFor, refusalOf } from "./rejections.ts";

/** What Redis knows of one user in a channel. */
export interface ReadState {
  /** ORIGIN for one of whom Postgres is known to have none; undefined where it has to be asked. */
  readonly read: Position | undefined;
  /** Where the channel stood at that moment; undefined where Redis does not hold it, and Postgres has all of it. */
  readonly head: ChannelHead | undefined;
}

export interface ReadDraft {
  readonly channel: string;
  readonly user: string;
  readonly position: Position;
  /** Where the channel stands for the caller. */
  readonly followed: Position;
  /** What Postgres has, once it was asked: ORIGIN for none. */
  readonly known?: Position | undefined;
  /** Of the user in the channel by this node. */
  readonly connections: number;
  /** The one that is not told. */
  readonly session: string;
}

/**
 * `isTold`: an envelope is on its way to all of the user's sessions, those of this node too. `unfamiliar`: nothing happened,
 * since only Postgres can say whether this is a step forward.
 */
export type ReadMove =
  | {
      readonly kind: "moved" | "stood";
      readonly read: Position;
      readonly head: ReadState["head"];
      readonly isTold: boolean;
    }
  | { readonly kind: "unfamiliar" };

export interface Reads {
  /**
   * Moves forward or not at all; a repeat changes nothing. Throws ChatError: `invalid` for a position that the channel has not
   * reached, `unavailable` and `overloaded` mean that nothing happened, `unknown` that it may have.
   */
  move(draft: ReadDraft): Promise<ReadMove>;
  /** What is asked of a channel in one turn goes together. Throws ChatError `unavailable`. */
  find(channel: string, user: string): Promise<ReadState>;
  /** What Postgres said; something newer stays. Throws ChatError `unavailable`. */
  note(channel: string, positions: ReadonlyMap<string, Position>): Promise<void>;
}

export interface ReadsOptions {
  /** What is moved. */
  readonly connection: RedisConnection;
  /** What is looked up and noted: never before somebody's send. */
  readonly lookups: RedisConnection;
  readonly keys: Keys;
  readonly keptMs?: number;
}

const KEPT_MS = 24 * 3_600_000;
/** What is looked up again and again is kept on once an hour by each node that asks. */
const RENEWED_AFTER_MS = 3_600_000;
const MOST_RENEWED = 10_000;
/** Users in one run of a script: some 0.1 ms of Redis. */
const USERS_PER_RUN = 200;

export function createReads({ connection, lookups, keys, keptMs = KEPT_MS }: ReadsOptions): Reads {
  const kept = String(keptMs);
  const isDue = createDue(Math.min(RENEWED_AFTER_MS, keptMs / 2));

  async function move(draft: ReadDraft): Promise<ReadMove> {
    const { channel, user, position, followed, known, connections, session } = draft;
    const { partition, head, read, here, topic } = keys.channel(channel);
    const frame = encodeRead({ channel, epoch: position.epoch, seq: position.seq });
    if (!isReady(connection)) throw refusalOf("unavailable");
    const reply = await connection
      .rookeryRead(
        ...([head, read, keys.partition(partition).unsavedReads, here, topic] as const),
        ...([channel, user, formatPosition(position), formatPosition(followed)] as const),
        ...([known === undefined ? "" : formatPosition(known), connections, session, frame, kept] as const),
      )
      .catch((error: unknown) => {
        throw refusalFor(error);
      });
    return readMove(reply, channel);
  }

  /** Plain commands, which leave together: a script would cost Redis twice as much, and nothing here need be of one moment. */
  async function findAll(channel: string, users: readonly string[]): Promise<ReadState[]> {
    const { partition, head, read } = keys.channel(channel);
    const [fields, positions] = await answered(lookups, () => {
      const asked = Promise.all([lookups.hmget(head, "epoch", "seq", "saved"), lookups.hmget(read, ...users)]);
      if (isDue(channel)) lookups.pexpire(read, kept).catch(() => undefined);
      return asked;
    });
    const missing = users.filter((_, n) => positions[n] === null);
    // Postgres was away for so long that the channel's positions are gone: what it has not been given yet still stands.
    const waiting =
      missing.length === 0
        ? []
        : await answered(lookups, () =>
            lookups.hmget(keys.partition(partition).unsavedReads, ...missing.map((user) => `${channel}|${user}`)),
          );
    const unsaved = new Map(missing.map((user, n) => [user, waiting[n]]));
    const stood = readHead(fields);
    return users.map((user, n) => {
      const text = positions[n] ?? unsaved.get(user) ?? undefined;
      return { read: text === undefined ? undefined : readPosition(text), head: stood };
    });
  }

  return {
    move,
    find: createTogether(findAll),
    async note(channel, positions) {
      const pairs = [...positions].map(([user, position]) => [user, formatPosition(position)]);
      const { read } = keys.channel(channel);
      for (let from = 0; from < pairs.length; from += USERS_PER_RUN) {
        const some = pairs.slice(from, from + USERS_PER_RUN).flat();
        await answered(lookups, () => lookups.rookeryNoteReads(read, kept, ...some));
      }
    },
  };
}

function readMove(reply: unknown, channel: string): ReadMove {
  const [kind, text, heard, ...fields]: unknown[] = Array.isArray(reply) ? reply : [];
  if (kind === "beyond") throw new ChatError("invalid", '"seq": the channel has not come so far', { channel });
  if (kind === "unfamiliar") return { kind };
  if ((kind !== "moved" && kind !== "stood") || typeof text !== "string") throw oddly();
  return { kind, read: readPosition(text), head: readHead(fields.map(textOrNull)), isTold: Number(heard) > 0 };
}

function oddly(): ChatError {
  return new ChatError("internal", "the script of read positions answered oddly");
}

/** True once in so long for each channel; sooner where there are very many. */
function createDue(afterMs: number): (channel: string) => boolean {
  const doneAtMs = new Map<string, number>();
  return (channel) => {
    const nowMs = performance.now();
    if (nowMs - (doneAtMs.get(channel) ?? Number.NEGATIVE_INFINITY) < afterMs) return false;
    if (doneAtMs.size >= MOST_RENEWED) doneAtMs.clear();
    doneAtMs.set(channel, nowMs);
    return true;
  };
}

interface Asked {
  readonly user: string;
  resolve(this: void, state: ReadState): void;
  reject(this: void, error: unknown): void;
}

/** A crowd that joins asks in one turn: its questions go at the end of it, those of a channel in one run. */
function createTogether(
  ask: (channel: string, users: readonly string[]) => Promise<readonly ReadState[]>,
): Reads["find"] {
  let waiting = new Map<string, Asked[]>();

  async function run(channel: string, asked: readonly Asked[]): Promise<void> {
    try {
      const states = await ask(
        channel,
        asked.map(({ user }) => user),
      );
      asked.forEach(({ resolve }, n) => resolve(states[n] ?? { read: ORIGIN, head: undefined }));
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  function sendAll(): void {
    const all = waiting;
    waiting = new Map();
    for (const [channel, asked] of all) {
      for (let from = 0; from < asked.length; from += USERS_PER_RUN) {
        // It answers for its own failures.
        run(channel, asked.slice(from, from + USERS_PER_RUN)).catch(() => undefined);
      }
    }
  }

  return (channel, user) =>
    new Promise((resolve, reject) => {
      if (waiting.size === 0) setImmediate(sendAll);
      const asked = waiting.get(channel) ?? [];
      asked.push({ user, resolve, reject });
      waiting.set(channel, asked);
    });
}
