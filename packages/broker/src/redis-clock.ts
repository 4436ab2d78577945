// How far the clocks of Redis stand from ours, learnt from the times in its answers. Owned by publisher.ts, whose runs need
// deadlines on the clock that judges them. Told the times, reads none.
// States: per server (per partition on a Cluster) one offset, at first 0, narrowed by every answer; unknown once another server
// may have taken over, until that has answered.
import { clusterSlot } from "./partitions.ts";
import type { Partitions } from "./partitions.ts";
import { masterOf } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";

export interface RedisClock {
  /**
   * `localMs` on the clock of the server that holds the partition, in whole ms. While that clock is not known it is 0: what has
   * that for its deadline is late whatever the clock shows, and teaches it.
   */
  toServer(partition: number, localMs: number): number;
  /** The local time by which that server's clock has passed `serverMs` for certain, however slow its last answer was. */
  passedBy(partition: number, serverMs: number): number;
  /** An answer asked for at `sentMs` and here at `receivedMs`, both local, carried the server's time `serverMs`. */
  learn(partition: number, sentMs: number, receivedMs: number, serverMs: number): void;
  /** Another server may have taken over. */
  forget(partition: number): void;
}

/**
 * `shared`: one server answers for all partitions. The true offset lies between `server - received` and
 * `server - sent`, so the estimate moves only as far as that interval forces it: an answer that waited in a queue gives
 * a wide interval and teaches nothing wrong.
 */
export function createRedisClock(shared: boolean): RedisClock {
  const offsetsMs = new Map<number, number>();
  /** At least so far the server's clock was ahead when it answered last. */
  const leastMs = new Map<number, number>();
  const unknown = new Set<number>();
  const slot = (partition: number): number => (shared ? 0 : partition);
  return {
    toServer(partition, localMs) {
      if (unknown.has(slot(partition))) return 0;
      return Math.round(localMs + (offsetsMs.get(slot(partition)) ?? 0));
    },
    passedBy: (partition, serverMs) => serverMs + 1 - (leastMs.get(slot(partition)) ?? 0),
    learn(partition, sentMs, receivedMs, serverMs) {
      const known = offsetsMs.get(slot(partition)) ?? 0;
      unknown.delete(slot(partition));
      leastMs.set(slot(partition), serverMs - receivedMs);
      // the server cuts its time to whole ms, so it may be up to 1 ms later than it says
      offsetsMs.set(slot(partition), Math.max(serverMs - receivedMs, Math.min(serverMs + 1 - sentMs, known)));
    },
    forget(partition) {
      if (leastMs.has(slot(partition))) unknown.add(slot(partition));
    },
  };
}

/** The clocks behind a connection that writes: one that it has made anew, or a master that another one followed, is not known yet. */
export function createServerClock(connection: RedisConnection, partitions: Partitions): RedisClock {
  const clock = createRedisClock(!connection.isCluster);
  if (!connection.isCluster) {
    connection.on("ready", () => clock.forget(0));
    return clock;
  }
  const masters = new Map<number, string>();
  return {
    ...clock,
    toServer(partition, localMs) {
      const master = masterOf(connection, clusterSlot(partitions.tag(partition)));
      if (masters.get(partition) !== master) clock.forget(partition);
      masters.set(partition, master);
      return clock.toServer(partition, localMs);
    },
  };
}
