// Every key and topic name in Redis, and nothing else: no other file puts one together.
// A part that may hold `:` is parted by `|`, which neither a channel nor a clientId may contain; a user comes last.
import type { Partitions } from "./partitions.ts";

/** What Redis holds for one partition, all under its hash tag. */
export interface PartitionKeys {
  /** hash: `epoch owner born last in out stored unstored`, and of the last look at the budget `limit short over envelopes` */
  readonly part: string;
  /** stream: what Postgres has not confirmed, ids `<epoch>-<number>` */
  readonly outbox: string;
  /** hash: channel -> rights version */
  readonly rights: string;
  /** sorted set: channels of whose log Postgres has some, by the time of the oldest entry */
  readonly shed: string;
  /** topic: watermarks and changes of rights, for every edge */
  readonly control: string;
  /** sorted set: `c|<channel>` and `u|<user>` by the bytes they have waiting, counted while the budget runs short */
  readonly held: string;
  probe(node: string): string;
}

/** What Redis holds for one channel, under the tag of its partition. */
export interface ChannelKeys {
  readonly partition: number;
  /** hash: `epoch seq saved prev` */
  readonly head: string;
  /** stream: hot history, ids `<epoch>-<seq>` */
  readonly log: string;
  /** hash: seq -> tombstone */
  readonly gone: string;
  /** topic of its envelopes */
  readonly topic: string;
  /** string: first outcome of one clientId */
  once(user: string, clientId: string): string;
  /** string: there while the user has to wait */
  slow(user: string): string;
}

/** Names by partition and channel, and those of the whole cluster. */
export interface Keys {
  readonly partitions: Partitions;
  partition(partition: number): PartitionKeys;
  channel(channel: string): ChannelKeys;
  /** string: the number of partitions, claimed once */
  readonly partitionCount: string;
  /** string: the cluster's id and this Redis' life, claimed once */
  readonly cluster: string;
  /** hash: node id -> its last record */
  readonly nodes: string;
  /** string with a time to live: there while the node lives */
  node(node: string): string;
  /** string with a time to live: the node that watches the budget */
  readonly budgetWatch: string;
}

export function createKeys(partitions: Partitions): Keys {
  const tags = Array.from({ length: partitions.count }, (_, n) => `{${partitions.tag(n)}}`);
  const byPartition = tags.map(partitionKeys);
  return {
    partitions,
    partition(partition) {
      const keys = byPartition[partition];
      if (keys === undefined) throw new RangeError(`there is no partition ${partition}`);
      return keys;
    },
    channel(channel) {
      const partition = partitions.of(channel);
      return new NamesOfChannel(tags[partition] ?? "", partition, channel);
    },
    partitionCount: "partitions",
    cluster: "cluster",
    nodes: "nodes",
    node: (node) => `node:${node}`,
    budgetWatch: "budget-watch",
  };
}

function partitionKeys(tag: string): PartitionKeys {
  return {
    part: `${tag}:part`,
    outbox: `${tag}:outbox`,
    rights: `${tag}:rights`,
    shed: `${tag}:shed`,
    control: `${tag}:ctl`,
    held: `${tag}:held`,
    probe: (node) => `${tag}:probe:${node}`,
  };
}

/** A class, because one is made for every message and most who ask want one name of it. */
class NamesOfChannel implements ChannelKeys {
  readonly partition: number;
  readonly #tag: string;
  readonly #channel: string;

  constructor(tag: string, partition: number, channel: string) {
    this.partition = partition;
    this.#tag = tag;
    this.#channel = channel;
  }

  get head(): string {
    return `${this.#tag}:head:${this.#channel}`;
  }

  get log(): string {
    return `${this.#tag}:log:${this.#channel}`;
  }

  get gone(): string {
    return `${this.#tag}:gone:${this.#channel}`;
  }

  get topic(): string {
    return `${this.#tag}:t:${this.#channel}`;
  }

  once(user: string, clientId: string): string {
    return `${this.#tag}:once:${this.#channel}|${clientId}|${user}`;
  }

  slow(user: string): string {
    return `${this.#tag}:slow:${this.#channel}|${user}`;
  }
}
