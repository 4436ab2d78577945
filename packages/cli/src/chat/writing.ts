// When to tell the edge that this user writes: while they do, no more often than it takes to stay known, and once that they
// stopped without sending. Commands are nobody's business. Kept by the core of `chat`. Pure.
import { TYPING_TTL_MS } from "@rookery/protocol";

export interface Writing {
  /** What to tell, for the text that now stands in the line; undefined for nothing. */
  now(text: string): boolean | undefined;
  /** The line was sent, which the edge takes for its end, or the connection is gone. */
  over(): void;
}

/** Half of the time after which it would end by itself. */
const AGAIN_MS = TYPING_TTL_MS / 2;

export function createWriting(nowMs: () => number): Writing {
  let toldAtMs: number | undefined;
  return {
    now(text) {
      const isMessage = text.trim() !== "" && (!text.startsWith("/") || text.startsWith("//"));
      if (!isMessage) {
        const wasTold = toldAtMs !== undefined;
        toldAtMs = undefined;
        return wasTold ? false : undefined;
      }
      if (toldAtMs !== undefined && nowMs() - toldAtMs < AGAIN_MS) return undefined;
      toldAtMs = nowMs();
      return true;
    },
    over: () => void (toldAtMs = undefined),
  };
}
