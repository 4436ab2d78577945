// Every key and topic name in Redis, and nothing else: no other file puts one together.
// A part that may hold `:` is parted by `|`, which neither a channel nor a clientId may contain; a user comes last.
import type { Partitions } from "./partitions.ts";

/** What Redis holds for one partition, all under its hash tag. */
export interface PartitionKeys {
  /**
   * hash: `epoch owner born last in out stored unstored`; of changes of rights `control teller`, the number of the last and the
   * replication id of the server that gave it; of audit records `audited unaudited`, the bytes of them that were put into the
   * outbox and taken out, and `head`, where Postgres' chain of them ends; and of the last look at the budget
   * `limit short over envelopes`; and `compared`, the replication id of the server whose heads were compared with Postgres last
   */
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
  /** set: nodes that have a lease set here, taken off by a finished reap alone */
  readonly leases: string;
  /**
   * set, made when the node starts: "" as the mark that it may register here, `c|<channel>` where it has presence,
   * `u|<user>` with sessions of it
   */
  lease(node: string): string;
  /** hash: `<channel>|<user>` -> read position that Postgres does not have yet */
  readonly unsavedReads: string;
  /** hash: user -> `<ms>|<name>`, when last seen, until Postgres has it */
  readonly seen: string;
  /** stream: the newest controls, ids their numbers */
  readonly controlLog: string;
  /** hash: node -> number of the control up to which it has acted */
  readonly confirmed: string;
  /** string with a time to live: there once the audit record of this change is queued */
  told(change: string): string;
  /** sorted set, all of score 0: users of the partition who are connected */
  readonly users: string;
  /** sorted set: channels by users present times 2^27, plus their connections */
  readonly busy: string;
  /** hash with a time to live: node -> sessions it closed for the control of this number */
  receipt(number: string): string;
  probe(node: string): string;
}

/** What Redis holds for one user, under the tag of the user's own partition. */
export interface UserKeys {
  readonly partition: number;
  /** hash: session -> `<node>|<since, ms>|<hash of the address>|<client>|<name>` */
  readonly sessions: string;
}

/** What Redis holds for one channel, under the tag of its partition. */
export interface ChannelKeys {
  readonly partition: number;
  /** hash: `epoch seq saved prev`, `corrected` where the prev of an epoch was put right, and while a deletion waits for Postgres `cap until` */
  readonly head: string;
  /** stream: hot history, ids `<epoch>-<seq>` */
  readonly log: string;
  /** hash: seq -> tombstone */
  readonly gone: string;
  /** topic of its envelopes */
  readonly topic: string;
  /** hash: user -> `<connections in the cluster>|<name>`; as many fields as users are present */
  readonly here: string;
  /** sorted set, all of score 0: the users of `here`, to be paged by name */
  readonly who: string;
  /**
   * hash: "" -> the channel's record, "@" -> `<its version>|<replication id of the server that was told of it>`, "*" -> "whole"
   * where no entry is missing, and each user's entry behind `u|`, "" for one who has none
   */
  readonly access: string;
  /** hash: `<ten seconds>` and `m<minute>`, since the Unix epoch -> messages numbered in them */
  readonly activity: string;
  /** sorted set: users by the time of their newest message, ms */
  readonly senders: string;
  /** hash: `mode` as an index, and of the channel's settings `digest count version` */
  readonly crowd: string;
  /** hash: id of a message -> what has happened to it, while the log holds that */
  readonly acts: string;
  /** sorted set: the ids in `acts`, by the time of the last act */
  readonly acted: string;
  /** hash: user -> read position; "0-0" for one of whom Postgres knows none */
  readonly read: string;
  /** hash: user -> connections of one node */
  hereOn(node: string): string;
  /** hash: `<emoji>|<user>` -> `<1 or 0>|<position>`, of one message */
  marks(id: string): string;
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
  user(user: string): UserKeys;
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
  /** string with a time to live: what a one-use ticket stands for */
  ticket(id: string): string;
  /** string with a time to live: outcome of the notice to a user that was given this key */
  notice(key: string, user: string): string;
  /** string with a time to live: tries at one thing that is guessed, by whom or from where */
  tries(scope: string): string;
  /** sorted set: edges that were cleared away, by when, ms */
  readonly goneNodes: string;
  /** string with a time to live: the edge whose turn it is to drain, of those that were told to */
  readonly drains: string;
  /** string with a time to live: the persister that removes what channels do not keep */
  readonly retention: string;
  /** string with a time to live: the edge that clears away what dead nodes left */
  readonly reaper: string;
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
    user(user) {
      const partition = partitions.ofUser(user);
      return { partition, sessions: `${tags[partition] ?? ""}:sess:${user}` };
    },
    partitionCount: "partitions",
    cluster: "cluster",
    nodes: "nodes",
    node: (node) => `node:${node}`,
    budgetWatch: "budget-watch",
    ticket: (id) => `ticket:${id}`,
    notice: (key, user) => `notice:${key}|${user}`,
    tries: (scope) => `tries:${scope}`,
    goneNodes: "gone-nodes",
    drains: "drains",
    retention: "retention",
    reaper: "reaper",
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
    leases: `${tag}:leases`,
    lease: (node) => `${tag}:lease:${node}`,
    unsavedReads: `${tag}:unread`,
    seen: `${tag}:seen`,
    controlLog: `${tag}:controls`,
    confirmed: `${tag}:confirmed`,
    told: (change) => `${tag}:told:${change}`,
    users: `${tag}:users`,
    busy: `${tag}:busy`,
    receipt: (number) => `${tag}:receipt:${number}`,
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

  get here(): string {
    return `${this.#tag}:here:${this.#channel}`;
  }

  get who(): string {
    return `${this.#tag}:who:${this.#channel}`;
  }

  get access(): string {
    return `${this.#tag}:access:${this.#channel}`;
  }

  get activity(): string {
    return `${this.#tag}:act:${this.#channel}`;
  }

  get senders(): string {
    return `${this.#tag}:senders:${this.#channel}`;
  }

  get crowd(): string {
    return `${this.#tag}:crowd:${this.#channel}`;
  }

  get acts(): string {
    return `${this.#tag}:acts:${this.#channel}`;
  }

  get acted(): string {
    return `${this.#tag}:acted:${this.#channel}`;
  }

  get read(): string {
    return `${this.#tag}:read:${this.#channel}`;
  }

  hereOn(node: string): string {
    return `${this.#tag}:hereon:${this.#channel}|${node}`;
  }

  marks(id: string): string {
    return `${this.#tag}:marks:${this.#channel}|${id}`;
  }

  once(user: string, clientId: string): string {
    return `${this.#tag}:once:${this.#channel}|${clientId}|${user}`;
  }

  slow(user: string): string {
    return `${this.#tag}:slow:${this.#channel}|${user}`;
  }
}
