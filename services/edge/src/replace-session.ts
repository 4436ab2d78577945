// Ends a session of which its user has too many in the cluster, when another edge's newer one makes it the oldest of too many.
// Called by main with what redis-feed hears; the cap of this edge alone is kept in identify.ts, without a word to anybody.
import { parseReplaced } from "@rookery/broker";
import type { Hub } from "./hub.ts";
import type { Session } from "./session.ts";

/** Whatever else is said, and of whom is not here any more, is passed over. */
export function replaceAsTold(hub: Pick<Hub<Session>, "sessions">, text: string, nowMs: number): void {
  const id = parseReplaced(text);
  const session = id === undefined ? undefined : hub.sessions.get(id);
  if (session !== undefined && session.farewellAtMs === undefined) session.farewell("replaced", nowMs);
}
