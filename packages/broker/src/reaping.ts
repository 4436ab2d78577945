// Clears away after one dead node: takes back all it had in every partition, chunk by chunk, and takes it off the lists at the
// end. Called by reaper.ts. Any chunk may be repeated by anybody, so whoever takes over goes on where another stopped.
import { MODE_BACK_RATIO } from "@rookery/protocol";
import { CROWD_KEPT_MS } from "./attend-run.ts";
import type { RedisConnection } from "./connect.ts";
import { GONE_MS } from "./expected-edges.ts";
import type { Keys, PartitionKeys } from "./keys.ts";
import { readSession } from "./session-record.ts";
import { readRecord } from "./registry.ts";

/** A connection that a dead node had. */
export interface DeadSession {
  readonly user: string;
  readonly session: string;
  /** Hashed; "" where it is not known. */
  readonly address: string;
}

export interface ReapingOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  /** Users in one run, in which Redis does nothing else: so many take about a millisecond. */
  readonly chunk: number;
  /** Asked between two runs. */
  goesOn(this: void): boolean;
  /**
   * Sessions of the node that are about to be taken off: told before, since whoever goes on after a reaper that died in between
   * finds them no more. So it may be told of one twice.
   */
  ending?(this: void, node: string, sessions: readonly DeadSession[]): Promise<void>;
}

export interface Reaping {
  /**
   * `loud`: who leaves is announced. Answers whether the node is cleared away whole; rejects when Redis could not be asked.
   */
  reap(node: string, loud: boolean): Promise<boolean>;
}

/** Partitions at a time: of most a node had little, so that nearly all the time is the way to Redis and back. */
const LANES = 8;
/** Channels in one run, most of whose users a dead node may have had one of each. */
const MOST_CHANNELS = 50;

export function createReaping({ connection, keys, chunk, goesOn, ending }: ReapingOptions): Reaping {
  const all = Array.from({ length: keys.partitions.count }, (_, partition) => partition);

  async function reapChannels(
    node: string,
    { lease, busy }: Pick<PartitionKeys, "lease" | "busy">,
    channels: readonly string[],
    loud: boolean,
  ): Promise<void> {
    if (channels.length === 0) return;
    const names = channels.flatMap((channel) => {
      const own = keys.channel(channel);
      return [own.here, own.who, own.crowd, own.hereOn(node), own.topic];
    });
    const fixed = [chunk, loud ? 1 : 0, MODE_BACK_RATIO, CROWD_KEPT_MS];
    await connection.rookeryReap(2 + names.length, lease(node), busy, ...names, ...fixed, ...channels);
  }

  async function reapSessions(node: string, own: PartitionKeys, gone: readonly string[]): Promise<void> {
    if (gone.length === 0) return;
    if (ending !== undefined) {
      const sessions = await sessionsOn(node, gone);
      if (sessions.length > 0) await ending(node, sessions);
    }
    const names = [own.lease(node), own.seen, own.users, ...gone.map((user) => keys.user(user).sessions)];
    await connection.rookeryReapSessions(names.length, ...names, node, ...gone);
  }

  async function sessionsOn(node: string, users: readonly string[]): Promise<DeadSession[]> {
    const held = await Promise.all(
      // A key of another type than ours is given up by the script too.
      users.map((user) => connection.hgetall(keys.user(user).sessions).catch((): Record<string, string> => ({}))),
    );
    return held.flatMap((records, at) =>
      Object.entries(records).flatMap(([session, record]) => {
        const known = readSession(session, record);
        return known?.node === node ? [{ user: users[at] ?? "", session, address: known.address }] : [];
      }),
    );
  }

  /** Ends, since each turn takes a member out of the set or users out of a channel of it, and nothing is added without the mark. */
  async function reapPartition(partition: number, node: string, loud: boolean): Promise<boolean> {
    const own = keys.partition(partition);
    const lease = own.lease(node);
    for (;;) {
      if (!goesOn()) return false;
      const members = await connection.srandmember(lease, MOST_CHANNELS);
      const [channels, users] = ["c|", "u|"].map((kind) =>
        members.filter((member) => member.startsWith(kind)).map((member) => member.slice(kind.length)),
      );
      await reapChannels(node, own, channels ?? [], loud);
      await reapSessions(node, own, users ?? []);
      const odd = members.filter((member) => !/^(?:[cu]\||$)/.test(member));
      if (odd.length > 0) await connection.srem(lease, ...odd);
      if (members.length <= 1 && (await connection.rookeryCloseLease(own.leases, lease, node)) === 1) return true;
    }
  }

  /** An edge that did not leave in order may be only cut off, or frozen. */
  async function mayHoldSockets(node: string): Promise<boolean> {
    const record = readRecord(await connection.hget(keys.nodes, node));
    return record?.kind === "edge" && record.left !== true;
  }

  return {
    async reap(node, loud) {
      const listed = await Promise.all(all.map((each) => connection.sismember(keys.partition(each).leases, node)));
      const left = all.filter((partition) => listed[partition] === 1);
      let isWhole = true;
      let trouble: unknown;
      const lane = async (): Promise<void> => {
        for (let partition = left.pop(); partition !== undefined && isWhole; partition = left.pop()) {
          try {
            if (!(await reapPartition(partition, node, loud))) isWhole = false;
          } catch (error) {
            // One that is away or broken keeps nobody from being taken back in the others.
            trouble = error;
          }
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      if (!isWhole) return false;
      if (trouble !== undefined) throw trouble;
      // Before it is taken off the list, so that at no moment it stands on neither.
      if (await mayHoldSockets(node)) await connection.rookeryNoteGone(keys.goneNodes, node, GONE_MS);
      await connection.hdel(keys.nodes, node);
      return true;
    },
  };
}
