// Keeps the number of partitions, which decides where every channel lives and so may never change. Called at start.
import { claimSetting } from "./cluster-settings.ts";
import type { Store } from "./connect.ts";

/** This Postgres answers and must not be used, for the reason in the message: no waiting makes it fit. */
export class UnfitPostgres extends Error {}

/**
 * Records the number at the first start of a cluster. Throws an UnfitPostgres of one line when another one is in force,
 * and ChatError `unavailable` while Postgres is away.
 */
export async function claimPartitionCount(store: Store, count: number): Promise<void> {
  const claimed = await claimSetting(store, "partitions", String(count));
  if (claimed !== String(count)) {
    throw new UnfitPostgres(
      `this cluster was made with ${claimed} partitions (recorded in Postgres) and cannot run with ${count}`,
    );
  }
}
