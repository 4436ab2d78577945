// Up to where each partition was confirmed to this Redis, and whether Postgres still has as much. Read by the persister before it
// commits, and by whoever looks at both stores. Must never be asked the other way round: what is saved only grows, so a Postgres
// that is asked after Redis has at least what Redis was told, unless it went back.
import type { RedisConnection } from "./connect.ts";
import { BEFORE_FIRST_ENTRY, compareEntryIds, formatEntryId, parseEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";
import type { Keys } from "./keys.ts";

/** A partition that was never confirmed, or whose keys are broken, is missing. Throws what Redis says where none answers. */
export async function readStoredIds(
  connection: Pick<RedisConnection, "hget">,
  keys: Keys,
): Promise<Map<number, EntryId>> {
  const partitions = Array.from({ length: keys.partitions.count }, (_, n) => n);
  const looks = await Promise.allSettled(partitions.map((n) => connection.hget(keys.partition(n).part, "stored")));
  const [refused] = looks.flatMap((look) => (look.status === "rejected" ? [look.reason as unknown] : []));
  if (looks.every(({ status }) => status === "rejected")) throw refused;
  const ids = looks.map((look) => (look.status === "fulfilled" ? parseEntryId(look.value ?? "") : undefined));
  return new Map(ids.flatMap((id, partition) => (id === undefined ? [] : [[partition, id] as const])));
}

/**
 * Pure: what Postgres once confirmed and has no more, in words; undefined when it has all. `stored` was read of Redis before
 * `committed` was read of Postgres.
 */
export function forgottenBy(
  committed: ReadonlyMap<number, EntryId>,
  stored: ReadonlyMap<number, EntryId>,
): string | undefined {
  const has = (partition: number): EntryId => committed.get(partition) ?? BEFORE_FIRST_ENTRY;
  const lacking = [...stored].filter(([partition, id]) => compareEntryIds(id, has(partition)) > 0);
  const [first] = lacking;
  if (first === undefined) return undefined;
  const [partition, id] = first;
  return (
    `Postgres has less than it once confirmed, in ${lacking.length} partitions (of partition ${partition} up to ` +
    `${formatEntryId(has(partition))}, and Redis was told ${formatEntryId(id)})`
  );
}
