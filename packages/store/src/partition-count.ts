// Keeps the number of partitions, which decides where every channel lives and so may never change. Called at start.
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

const CLAIM = loadStatement("partition-count-claim");
const FIND = loadStatement("partition-count-find");

/**
 * Records the number at the first start of a cluster. Throws an Error of one line when another one is in force, and
 * ChatError `unavailable` while Postgres is away.
 */
export async function claimPartitionCount(store: Store, count: number): Promise<void> {
  await store.write("settings of the cluster", CLAIM, [String(count)]);
  const [row] = await store.read<{ value: string }>("settings of the cluster", FIND, []);
  if (row?.value !== String(count)) {
    throw new Error(
      `this cluster was made with ${row?.value ?? "no"} partitions (recorded in Postgres) and cannot run with ${count}`,
    );
  }
}
