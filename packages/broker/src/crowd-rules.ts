// Puts changed settings of a channel in force for those who are in it: called by the api once Postgres has them. Whoever joins
// later brings them along.
import { MODE_BACK_RATIO, MODES } from "@rookery/protocol";
import { answered } from "./answered.ts";
import { CROWD_KEPT_MS } from "./attend-run.ts";
import type { RedisConnection } from "./connect.ts";
import type { Crowd, CrowdRules } from "./crowd.ts";
import type { Keys } from "./keys.ts";

/**
 * Decides the channel's mode anew and tells it to those present where it changes. Rules of a version that is not higher than
 * the one in force change nothing. Safe to repeat. Throws ChatError `unavailable`.
 */
export async function regulateCrowd(
  { connection, keys }: { readonly connection: RedisConnection; readonly keys: Keys },
  channel: string,
  { version, digestAbove, countAbove }: CrowdRules,
): Promise<Crowd> {
  const { here, crowd, topic } = keys.channel(channel);
  const rules = `${digestAbove}|${countAbove}`;
  const reply = await answered(connection, () =>
    connection.rookeryRegulate(here, crowd, topic, version, rules, MODE_BACK_RATIO, CROWD_KEPT_MS),
  );
  const [online, mode]: unknown[] = Array.isArray(reply) ? reply : [];
  return { online: Number(online), mode: MODES[Number(mode)] ?? "full" };
}
