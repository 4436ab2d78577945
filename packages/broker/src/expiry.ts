// Takes out of Redis what a channel does not keep: what is too old, and all of one that was deleted. Called by the persister
// that has this duty; expire.lua and forget-channel.lua do it. Must never take what Postgres does not have.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** Every method throws ChatError `unavailable`. */
export interface Expiry {
  /** Whether this node has the duty, for `heldMs` from now on: of all who ask one has it. */
  holds(node: string, heldMs: number): Promise<boolean>;
  /** Redis' clock, by which messages are sent, in ms. */
  nowMs(): Promise<number>;
  /** Takes from a channel's log what was sent before; answers how many entries. */
  expire(channel: string, beforeMs: number): Promise<number>;
  /** Forgets a deleted channel. False while something of it waits for Postgres. */
  forget(channel: string): Promise<boolean>;
}

/** Entries of one run of the script: some 0.2 ms of Redis. */
const ENTRIES_PER_RUN = 250;
/** Runs for one channel at a time: the next call goes on. */
const MOST_RUNS = 40;

export function createExpiry({
  connection,
  keys,
}: {
  readonly connection: RedisConnection;
  readonly keys: Keys;
}): Expiry {
  async function expire(channel: string, beforeMs: number): Promise<number> {
    const { head, log, gone, acts, acted } = keys.channel(channel);
    let entries = 0;
    for (let runs = 0; runs < MOST_RUNS; runs += 1) {
      const taken = await connection.rookeryExpire(head, log, gone, acts, acted, String(beforeMs), ENTRIES_PER_RUN);
      entries += Number(taken);
      if (Number(taken) < ENTRIES_PER_RUN) break;
    }
    return entries;
  }

  async function forget(channel: string): Promise<boolean> {
    const { partition, head, log, gone, acts, acted, read, activity, senders, access } = keys.channel(channel);
    const { shed } = keys.partition(partition);
    const all = [head, log, gone, acts, acted, read, activity, senders, access, shed] as const;
    return (await connection.rookeryForgetChannel(...all, channel)) === 1;
  }

  return {
    holds: (node, heldMs) =>
      answered(connection, async () => (await connection.rookeryHoldOffice(keys.retention, node, heldMs)) === 1),
    nowMs: () =>
      answered(connection, async () => {
        const [seconds, micros] = await connection.time();
        return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
      }),
    expire: (channel, beforeMs) => answered(connection, () => expire(channel, beforeMs)),
    forget: (channel) => answered(connection, () => forget(channel)),
  };
}
