// Tries a transaction again that lost to another one. Used by the ways to commit a batch.
import { isRepeatable } from "./away.ts";

/** A deadlock loses one of two; the fifth in a row is no accident. */
const MOST_REPEATS = 5;

/** Rejects with the first error of which a repeat makes nothing better, or with the last one. */
export async function repeated<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  for (let repeats = 0; ; repeats += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isRepeatable(error) || repeats === MOST_REPEATS) throw error;
    }
  }
}
