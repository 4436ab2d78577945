// API keys as Postgres had them a moment ago, so that a backend's requests do not each ask it, and word to Postgres of when
// each was last used. Asked by whoever identifies callers. A revoked key must be refused on every api within 2 s.
// States of a hash: absent, asked for (all who come wait for one answer), known for a second. Unknown ones are not kept.
import type { ApiKeyRow, ApiKeys } from "@rookery/store";

export interface KnownKeysOptions {
  readonly keys: Pick<ApiKeys, "find" | "used">;
  /** Told that a use could not be noted; it is noted with the next one. */
  readonly onFault: (error: unknown) => void;
  /** Monotonic; for tests. */
  readonly nowMs?: () => number;
}

/** From when Postgres was asked: half of what a revocation may take, whatever its answer takes. */
const KNOWN_MS = 1000;
/** More than a cluster has keys in use. */
const MOST_KNOWN = 1000;
/** A use is noted at most so often, for each key by each api. */
const NOTED_EVERY_MS = 60_000;

interface Known {
  readonly row: Promise<ApiKeyRow | undefined>;
  readonly askedAtMs: number;
}

/** Answers by hash; undefined for a key that is not known or was revoked. Rejects with ChatError `unavailable`. */
export function createKnownKeys(options: KnownKeysOptions): (hash: string) => Promise<ApiKeyRow | undefined> {
  const { keys, onFault, nowMs = () => performance.now() } = options;
  const known = new Map<string, Known>();
  const notedAtMs = new Map<number, number>();

  function ask(hash: string): Known {
    const asked: Known = { row: keys.find(hash), askedAtMs: nowMs() };
    const forget = (): void => {
      if (known.get(hash) === asked) known.delete(hash);
    };
    asked.row.then((row) => row ?? forget(), forget);
    known.delete(hash);
    known.set(hash, asked);
    const [oldest] = known.keys();
    if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
    return asked;
  }

  /** Behind the request: nobody waits for it. */
  function note({ id }: ApiKeyRow): void {
    const atMs = nowMs();
    if (atMs - (notedAtMs.get(id) ?? Number.NEGATIVE_INFINITY) < NOTED_EVERY_MS) return;
    if (notedAtMs.size >= MOST_KNOWN) notedAtMs.clear();
    notedAtMs.set(id, atMs);
    keys.used([{ id, at: Date.now() }]).catch((error: unknown) => {
      notedAtMs.delete(id);
      onFault(error);
    });
  }

  return async (hash) => {
    const found = known.get(hash);
    const { row } = found !== undefined && nowMs() - found.askedAtMs < KNOWN_MS ? found : ask(hash);
    const key = await row;
    if (key !== undefined) note(key);
    return key;
  };
}
