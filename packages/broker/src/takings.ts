// What waits in Redis beside the outbox for Postgres: read positions, and when people were last seen. Order does not matter
// there, and the newest is all that counts, so it is taken as it stands. Called by the persister, for the partitions it drains.
// Must never forget what has changed since it was given.
import { isChannelId, isUserId, parsePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface TakenRead {
  readonly channel: string;
  readonly user: string;
  readonly position: Position;
}

export interface TakenSeen {
  readonly user: string;
  readonly name: string;
  /** On the clock of Redis, in ms. */
  readonly at: number;
}

/** Some of what waits, as it stood. */
export interface Taking<Each> {
  readonly items: readonly Each[];
  /** To be called once Postgres has the items: whatever has not changed meanwhile waits no more. */
  forget(this: void): Promise<void>;
}

/** At most `most` of what waits in these partitions. Throws ChatError `unavailable`. */
export interface Takings {
  reads(this: void, partitions: readonly number[], most: number): Promise<Taking<TakenRead>>;
  seen(this: void, partitions: readonly number[], most: number): Promise<Taking<TakenSeen>>;
}

/** Fields in one run of the script that forgets: some 0.2 ms of Redis. */
const FIELDS_PER_RUN = 250;

type Pair = readonly [field: string, value: string];

export function createTakings({
  connection,
  keys,
}: {
  readonly connection: RedisConnection;
  readonly keys: Keys;
}): Takings {
  /** By hash. A single server gives all in one run; of a Cluster each partition is asked, and one that is away left out. */
  async function given(hashes: readonly string[], most: number): Promise<Map<string, Pair[]>> {
    const runs = connection.isCluster ? hashes.map((hash) => [hash]) : [hashes];
    const each = Math.ceil(most / runs.length);
    const replies = await Promise.allSettled(
      runs.map((run) => answered(connection, () => connection.rookeryTakings(run.length, ...run, each))),
    );
    const lists = replies.flatMap((reply, at): unknown[] => {
      if (reply.status === "fulfilled" && Array.isArray(reply.value)) return reply.value;
      if (replies.length === 1 && reply.status === "rejected") throw reply.reason;
      return (runs[at] ?? []).map(() => []);
    });
    return new Map(hashes.map((hash, at) => [hash, pairsOf(lists[at])]));
  }

  async function forget(hash: string, pairs: readonly Pair[]): Promise<void> {
    for (let from = 0; from < pairs.length; from += FIELDS_PER_RUN) {
      const some = pairs.slice(from, from + FIELDS_PER_RUN).flat();
      await answered(connection, () => connection.rookeryForgetTaken(hash, ...some));
    }
  }

  async function take<Each>(
    hashes: readonly string[],
    most: number,
    read: (pair: Pair) => Each | undefined,
  ): Promise<Taking<Each>> {
    if (hashes.length === 0) return { items: [], forget: () => Promise.resolve() };
    const found = await given(hashes, most);
    const all = [...found.values()].flat();
    return {
      // What is not ours to read is forgotten with the rest: nobody ever could.
      items: all.flatMap((pair) => read(pair) ?? []),
      async forget() {
        await Promise.all([...found].map(([hash, pairs]) => forget(hash, pairs)));
      },
    };
  }

  return {
    reads: (partitions, most) =>
      take(
        partitions.map((n) => keys.partition(n).unsavedReads),
        most,
        readRead,
      ),
    seen: (partitions, most) =>
      take(
        partitions.map((n) => keys.partition(n).seen),
        most,
        readSeen,
      ),
  };
}

function pairsOf(list: unknown): Pair[] {
  const texts: readonly unknown[] = Array.isArray(list) ? list : [];
  return texts.flatMap((field, at) => (at % 2 === 0 ? [[String(field), String(texts[at + 1])] as const] : []));
}

function readRead([field, value]: Pair): TakenRead | undefined {
  const bar = field.indexOf("|");
  const [channel, user, position] = [field.slice(0, bar), field.slice(bar + 1), parsePosition(value)];
  // One that Postgres would refuse must not keep the others.
  if (bar < 1 || position === undefined || !isChannelId(channel) || !isUserId(user)) return undefined;
  return { channel, user, position };
}

function readSeen([user, value]: Pair): TakenSeen | undefined {
  const bar = value.indexOf("|");
  const at = Number(value.slice(0, bar));
  const name = value.slice(bar + 1);
  if (bar < 1 || !Number.isSafeInteger(at) || !isUserId(user) || name.includes("\0")) return undefined;
  return { user, name, at };
}
