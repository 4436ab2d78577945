// Owns the one Postgres of a test run. Named as `globalSetup` of the vitest project that has `*.pg.test.ts` files, which
// reach it through testPostgres(). Must never keep data: it is ephemeral and ends with the run, however that ends.
import { startPostgres } from "@rookery/servers";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    rookeryPostgresUrl: string;
  }
}

/** The name under which test files find the server's URL. */
export type PostgresUrlKey = "rookeryPostgresUrl";

/** vitest calls this once before the project's first file and the returned function after its last. */
const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const server = await startPostgres({ ephemeral: true, say: (line) => process.stderr.write(`${line}\n`) });
  project.provide("rookeryPostgresUrl", server.url);
  return server.stop;
};

export default setup;
