// Where the parts of a cluster come from that `dev` and the foreground commands run but never import: the services' scripts
// and the schema. Tests of the launcher use smaller ones instead.
import { fileURLToPath } from "node:url";
import type { ProcessService } from "@rookery/node";
import { messageOf } from "../io.ts";
import { NotYet } from "./waiting.ts";

export interface DevParts {
  /** The script that node runs for a service. */
  readonly mainOf: (kind: ProcessService) => string;
  /** Brings the schema up to date; resolves to what it applied. Throws `NotYet` while Postgres does not serve. */
  readonly migrate: (postgresUrl: string) => Promise<readonly string[]>;
  /** Resolves when a Redis answers there. Throws `NotYet` with the reason when none does. */
  readonly reachRedis: (redisUrl: string, ca: string | undefined) => Promise<void>;
}

const REDIS_ANSWERS_WITHIN_MS = 1500;
const NOT_LET_IN = /\b(WRONGPASS|NOAUTH|NOPERM|certificate|altnames)\b/;

export const PARTS: DevParts = {
  mainOf: (kind) => fileURLToPath(import.meta.resolve(`@rookery/${kind}`)),
  migrate: async (postgresUrl) => {
    const { isAway, migrateUp } = await import("@rookery/store");
    try {
      return await migrateUp(postgresUrl);
    } catch (error) {
      throw isAway(error) ? new NotYet(messageOf(error)) : error;
    }
  },
  // By the driver that the services use: what keeps it out keeps them out, be it the network, TLS or a password.
  reachRedis: async (url, ca) => {
    const { connectRedis, faultOf, whenReady } = await import("@rookery/broker");
    const connection = connectRedis({ url, ca, use: "commands", commandTimeoutMs: REDIS_ANSWERS_WITHIN_MS });
    try {
      await whenReady(connection, REDIS_ANSWERS_WITHIN_MS);
    } catch (error) {
      const reason = faultOf(connection) ?? messageOf(error);
      // A password or a certificate that is missing or wrong stays so: no waiting mends it.
      throw NOT_LET_IN.test(reason) ? new Error(reason) : new NotYet(reason);
    } finally {
      connection.disconnect();
    }
  },
};
