// What an operator asks of the cluster as a whole: who is connected where, and which channels are busiest. Read from leases, from
// the sessions of users and from what presence scripts keep, never by asking nodes. Called by the api; changes nothing.
import { answered } from "./answered.ts";
import { beatEveryMs } from "./beats.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import type { KnownSession } from "./presence.ts";
import { readRecord } from "./registry.ts";
import type { NodeRecord } from "./registry.ts";
import { readSession } from "./session-record.ts";

export interface BusyChannel {
  readonly channel: string;
  /** Users present. */
  readonly online: number;
  readonly connections: number;
}

export interface ConnectedUser {
  readonly user: string;
  /** On whichever node, also on one that died and was not cleared away after yet. */
  readonly sessions: readonly KnownSession[];
}

/** Every method throws ChatError `unavailable`. */
export interface Statistics {
  /** The edges that beat within the time of two beats, by id: what they tell of themselves is no older. */
  edges(): Promise<NodeRecord[]>;
  /** The channels with most users present, first of all the busiest. */
  busiest(most: number): Promise<BusyChannel[]>;
  presence(channel: string): Promise<Pick<BusyChannel, "online" | "connections">>;
  /**
   * Users who are connected, by partition and then by the bytes of their ids, after the user `after`. At most `limit`; fewer
   * on the last page alone.
   */
  connected(after: string | undefined, limit: number): Promise<ConnectedUser[]>;
}

export interface StatisticsOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly leaseMs: number;
}

/** As rank.lua packs both into one score. */
const CONNECTIONS_RANGE = 2 ** 27;
/** How late a beat may be, as a share of the time between two. */
const LATE = 0.2;

export function createStatistics({ connection, keys, leaseMs }: StatisticsOptions): Statistics {
  const { partitions } = keys;
  const everyMs = beatEveryMs(leaseMs);

  async function freshRecord(node: string): Promise<NodeRecord | undefined> {
    const key = keys.node(node);
    const [text, leftMs] = await Promise.all([connection.get(key), connection.pttl(key)]);
    return leaseMs - leftMs > (2 + LATE) * everyMs ? undefined : readRecord(text);
  }

  async function usersOf(partition: number, from: string, limit: number): Promise<string[]> {
    return connection.zrange(keys.partition(partition).users, from, "+", "BYLEX", "LIMIT", 0, limit);
  }

  /** Most pages end in one partition, and an empty cluster is asked in few turns: each asks twice as many as the one before. */
  async function listUsers(after: string | undefined, limit: number): Promise<string[]> {
    const first = after === undefined ? 0 : keys.user(after).partition;
    const found: string[] = [];
    let next = first;
    for (let width = 1; next < partitions.count && found.length < limit; width *= 2) {
      const some = Array.from({ length: Math.min(width, partitions.count - next) }, (_, n) => next + n);
      next += some.length;
      const from = (partition: number): string => (partition === first && after !== undefined ? `(${after}` : "-");
      const wanted = limit - found.length;
      found.push(...(await Promise.all(some.map((each) => usersOf(each, from(each), wanted)))).flat());
    }
    return found.slice(0, limit);
  }

  async function sessionsOf(user: string): Promise<ConnectedUser> {
    const held = Object.entries(await connection.hgetall(keys.user(user).sessions));
    return { user, sessions: held.flatMap(([session, record]) => readSession(session, record) ?? []) };
  }

  return {
    edges: () =>
      answered(connection, async () => {
        const nodes = (await connection.hkeys(keys.nodes)).toSorted();
        const records = await Promise.all(nodes.map(freshRecord));
        return records.flatMap((record) => (record?.kind === "edge" ? [record] : []));
      }),
    busiest: (most) =>
      answered(connection, async () => {
        const all = Array.from({ length: partitions.count }, (_, partition) => keys.partition(partition).busy);
        const ranked = await Promise.all(
          all.map((busy) => connection.zrange(busy, "0", String(most - 1), "REV", "WITHSCORES")),
        );
        const channels = ranked.flatMap(readRanks);
        return channels.toSorted((a, b) => b.online - a.online || b.connections - a.connections).slice(0, most);
      }),
    presence: (channel) =>
      answered(connection, async () => {
        const { busy } = keys.partition(partitions.of(channel));
        return countsOf(Number((await connection.zscore(busy, channel)) ?? 0));
      }),
    connected: (after, limit) =>
      answered(connection, async () => Promise.all((await listUsers(after, limit)).map(sessionsOf))),
  };
}

function countsOf(score: number): Pick<BusyChannel, "online" | "connections"> {
  return { online: Math.floor(score / CONNECTIONS_RANGE), connections: score % CONNECTIONS_RANGE };
}

/** Channels and scores in turns. */
function readRanks(ranked: readonly string[]): BusyChannel[] {
  return ranked.flatMap((channel, at) => (at % 2 === 0 ? [{ channel, ...countsOf(Number(ranked[at + 1])) }] : []));
}
