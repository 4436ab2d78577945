// Who has to have acted upon a control before it may be called in force: every edge that lives, that is dead and not cleared away
// after, or that was cleared away after within the last minute, since it may still hold sockets. Not one that left in order:
// that has closed its sockets. Called by receipts.ts.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { readRecord } from "./registry.ts";

/** So long after it was cleared away a node is still asked for. */
export const GONE_MS = 60_000;

/** Rejects with ChatError `unavailable`. */
export async function expectedEdges(connection: RedisConnection, keys: Keys): Promise<ReadonlySet<string>> {
  const listed = await answered(connection, () => connection.hgetall(keys.nodes));
  // After the list: whoever is taken off that in between stands here already.
  const [gone, [seconds]] = await answered(connection, () =>
    Promise.all([connection.zrange(keys.goneNodes, "-inf", "+inf", "BYSCORE", "WITHSCORES"), connection.time()]),
  );
  const sinceMs = Number(seconds) * 1_000 - GONE_MS;
  const expected = new Set<string>();
  for (const text of Object.values(listed)) {
    const record = readRecord(text);
    if (record?.kind === "edge" && record.left !== true) expected.add(record.node);
  }
  for (let at = 0; at + 1 < gone.length; at += 2) if (Number(gone[at + 1]) >= sinceMs) expected.add(gone[at] ?? "");
  return expected;
}
