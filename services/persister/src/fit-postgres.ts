// Makes sure, before anything is drained, that Postgres holds as many partitions as this persister is to serve. Waits while
// it is away and says what is wrong when it is another's, which no waiting would mend. Called by main.
import { claimPartitionCount, isAway, outageReason, UnfitPostgres } from "@rookery/store";
import type { Store } from "@rookery/store";
import { createBackoff } from "./backoff.ts";

export interface FitPostgresOptions {
  readonly store: Store;
  readonly partitions: number;
  readonly log: Record<"warn", (fields: object, message: string) => void>;
  readonly signal: AbortSignal;
}

/** Resolves when it is right or the signal is aborted; with what is wrong, in one line, when no waiting would mend it. */
export async function checkPostgres({
  store,
  partitions,
  log,
  signal,
}: FitPostgresOptions): Promise<string | undefined> {
  const backoff = createBackoff();
  for (let looks = 0; !signal.aborted; looks += 1) {
    try {
      await claimPartitionCount(store, partitions);
      return undefined;
    } catch (error) {
      if (error instanceof UnfitPostgres) return error.message;
      if (!isAway(error)) throw error;
      if (looks === 0) log.warn({ reason: outageReason(error) }, "this persister waits for Postgres");
      await backoff.wait(signal);
    }
  }
  return undefined;
}
