// Puts a backlog into Redis as the publish script leaves one behind while Postgres is away: partitions, heads, logs and
// outboxes. Written by a script of its own inside Redis, since a million sends would take minutes. Called by drain.ts.

import type { Keys, RedisConnection } from "@rookery/broker";

export interface BacklogShape {
  /** As many of each channel. */
  readonly entries: number;
  readonly channels: readonly string[];
  readonly users: number;
  readonly body: string;
  /** Of all partitions; ms since the Unix epoch. */
  readonly epoch: number;
}

/**
 * KEYS 1 part  2 outbox  for each channel  3 head..  4 log..
 * ARGV 1 epoch  2 first seq  3 entries of each channel  4 users  5 body  6 partition  for each channel  7 id..
 */
const FILL = `
local epoch, first, each, users, body = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local part = redis.call("HMGET", KEYS[1], "last", "in")
local last, bytes = tonumber(part[1] or 0), tonumber(part[2] or 0)
for seq = first, first + each - 1 do
  for at = 7, #ARGV do
    last = last + 1
    local position, user = string.format("%s-%d", epoch, seq), (last * 7919) % users
    local frame = string.format(
      '{"type":"message","channel":"%s","epoch":%s,"seq":%d,"at":%d,"id":"%06d%015d","clientId":"c%d","user":"user-%d",' ..
        '"name":"User %d","body":"%s"}', ARGV[at], epoch, seq, epoch + last, ARGV[6], last, last, user, user, body)
    bytes = bytes + #frame
    redis.call("XADD", KEYS[2], string.format("%s-%d", epoch, last), "k", "message", "c", ARGV[at], "p", position,
      "f", frame, "b", string.format("%d", bytes))
    redis.call("XADD", KEYS[4 + (at - 7) * 2], position, "f", frame)
  end
end
for at = 7, #ARGV do
  redis.call("HSET", KEYS[3 + (at - 7) * 2], "epoch", epoch, "seq", first + each - 1, "saved", "0-0", "prev", "0-0")
end
redis.call("HSET", KEYS[1], "epoch", epoch, "last", last, "in", string.format("%d", bytes))
`;

/** Messages of one channel in one run of the script, which keeps Redis from everything else meanwhile. */
const EACH = 50;

export async function fillOutboxes(redis: RedisConnection, keys: Keys, shape: BacklogShape): Promise<void> {
  const byPartition = new Map<number, string[]>();
  for (const channel of shape.channels) {
    const partition = keys.partitions.of(channel);
    byPartition.set(partition, [...(byPartition.get(partition) ?? []), channel]);
  }
  const perChannel = shape.entries / shape.channels.length;
  for (let first = 1; first <= perChannel; first += EACH) {
    const each = Math.min(EACH, perChannel + 1 - first);
    const runs = [...byPartition].map(([partition, channels]) => {
      const { part, outbox } = keys.partition(partition);
      const ofChannels = channels.map((channel) => keys.channel(channel));
      const names = [part, outbox, ...ofChannels.flatMap(({ head, log }) => [head, log])];
      const figures = [shape.epoch, first, each, shape.users, shape.body, partition];
      return redis.eval(FILL, names.length, ...names, ...figures, ...channels);
    });
    await Promise.all(runs);
  }
}

export async function waitingEntries(redis: RedisConnection, keys: Keys): Promise<number> {
  const lengths = await Promise.all(
    Array.from({ length: keys.partitions.count }, (_, n) => redis.xlen(keys.partition(n).outbox)),
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}
