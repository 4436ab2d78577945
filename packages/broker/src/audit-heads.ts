// Where the chains of the audit log ended when Redis was last told, for whoever verifies them. Kept by save.lua.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface KeptHead {
  /** How many records the chain had. */
  readonly n: number;
  /** Seal of the last, in hex. */
  readonly mac: string;
}

/** By partition; those of which Redis knows nothing are missing. Throws ChatError `unavailable`. */
export async function readAuditHeads(connection: RedisConnection, keys: Keys): Promise<Map<number, KeptHead>> {
  const all = Array.from({ length: keys.partitions.count }, (_, partition) => partition);
  const texts = await answered(connection, () =>
    Promise.all(all.map((partition) => connection.hget(keys.partition(partition).part, "head"))),
  );
  return new Map(
    texts.flatMap((text, partition) => {
      const [, n, mac] = /^(\d+)\|([0-9a-f]+)$/.exec(text ?? "") ?? [];
      return n === undefined || mac === undefined ? [] : [[partition, { n: Number(n), mac }] as const];
    }),
  );
}
