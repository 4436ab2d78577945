// Where the parts of a cluster come from that `dev` and the foreground commands run but never import: the services' scripts
// and the schema. Tests of the launcher put smaller ones in their place.
import { fileURLToPath } from "node:url";
import type { ProcessService } from "@rookery/runtime";

export interface DevParts {
  /** The script that node runs for a service. */
  readonly mainOf: (kind: ProcessService) => string;
  /** Brings the schema up to date; resolves to what it applied. */
  readonly migrate: (postgresUrl: string) => Promise<readonly string[]>;
}

export const PARTS: DevParts = {
  mainOf: (kind) => fileURLToPath(import.meta.resolve(`@rookery/${kind}`)),
  migrate: async (postgresUrl) => {
    const { migrateUp } = await import("@rookery/store");
    return migrateUp(postgresUrl);
  },
};
