// What each kind of process does in Redis, as commands that stand for the rest: one for each group of keys that it writes and
// for each topic that it hears. Asked about by redis-look.ts, which runs none of them. Pure.
import type { Keys } from "./keys.ts";

/** A process that asks Redis for something. */
export type RedisUser = "edge" | "api" | "persister";

/** A command as it is sent. */
export type NeededCommand = readonly [name: string, ...words: string[]];

/** Of no channel, user or node that anybody has. */
const NOBODY = "-";

export function neededCommands(user: RedisUser, keys: Keys): readonly NeededCommand[] {
  const partition = keys.partition(0);
  const channel = keys.channel(NOBODY);
  const { head, log, gone, topic, access, here } = channel;
  const common: readonly NeededCommand[] = [
    ["time"],
    ["get", keys.partitionCount],
    ["set", keys.cluster, ""],
    ["hset", partition.part, "", ""],
    ["hset", keys.nodes, "", ""],
    ["set", keys.node(NOBODY), ""],
    ["hset", head, "", ""],
    ["hdel", gone, ""],
    ["spublish", topic, ""],
    ["spublish", partition.control, ""],
  ];
  const publishes: readonly NeededCommand[] = [
    ["xadd", partition.outbox, "*", "", ""],
    ["xadd", log, "*", "", ""],
    ["xrange", log, "-", "+"],
    ["set", channel.once(NOBODY, NOBODY), ""],
    ["hset", access, "", ""],
  ];
  const own: Readonly<Record<RedisUser, readonly NeededCommand[]>> = {
    edge: [
      ...publishes,
      ["ssubscribe", topic],
      ["ssubscribe", partition.control],
      ["hset", here, "", ""],
      ["sadd", partition.leases, ""],
    ],
    api: [...publishes, ["hgetall", here], ["set", keys.notice(NOBODY, NOBODY), ""]],
    persister: [
      ["xread", "streams", partition.outbox, "0"],
      ["xtrim", partition.outbox, "maxlen", "0"],
      ["xtrim", log, "maxlen", "0"],
      ["unlink", log],
      ["set", keys.retention, ""],
    ],
  };
  return [...common, ...own[user]];
}
