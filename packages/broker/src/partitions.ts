// Which partition a channel or a user belongs to, and the hash tag under which that partition lives in Redis.
// Built once at start by every process. Pure; the mapping must never change while a cluster lives.
import { crc32 } from "node:zlib";

/** Slots of a Redis Cluster (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/). */
const CLUSTER_SLOTS = 16_384;

/** Beyond this, finding the tags would take longer than a start should. */
const MOST_PARTITIONS = 1_024;

/** The fixed split of all channels and users. */
export interface Partitions {
  readonly count: number;
  /** Partition of a channel: CRC-32 of its UTF-8 bytes modulo `count`. */
  of(this: void, channel: string): number;
  ofUser(this: void, user: string): number;
  /** Hash tag without braces, such as `p12` or `p12x7`. */
  tag(partition: number): string;
}

/** Throws a RangeError unless `count` is an integer from 1 to 1024. */
export function createPartitions(count: number): Partitions {
  if (!Number.isInteger(count) || count < 1 || count > MOST_PARTITIONS) {
    throw new RangeError(`the number of partitions must be an integer from 1 to ${MOST_PARTITIONS}, not ${count}`);
  }
  const tags = Array.from({ length: count }, (_, partition) => evenTag(partition, count));
  return {
    count,
    of: (channel) => crc32(channel) % count,
    ofUser: (user) => crc32(user) % count,
    tag(partition) {
      const tag = tags[partition];
      if (tag === undefined) throw new RangeError(`there is no partition ${partition}`);
      return tag;
    },
  };
}

/** The slot Redis Cluster gives to a hash tag: CRC-16/XMODEM modulo 16384. */
export function clusterSlot(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc % CLUSTER_SLOTS;
}

/**
 * Takes the first tag whose slot lies in this partition's own share of the slots. Nodes own runs of slots, so whatever
 * their number, each gets its fair part of the partitions.
 */
function evenTag(partition: number, count: number): string {
  for (let attempt = 0; ; attempt += 1) {
    const tag = attempt === 0 ? `p${partition}` : `p${partition}x${attempt}`;
    if (Math.floor((clusterSlot(tag) * count) / CLUSTER_SLOTS) === partition) return tag;
  }
}
