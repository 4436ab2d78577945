// Commands that go straight to Postgres, since they must work while no api runs: what they have in common. Called by those of
// keys and of dead letters.
import { hostname } from "node:os";
import type { CommandGiver, Store } from "@rookery/store";
import type { Command } from "commander";
import { dataFolder, ownName } from "../chat/endpoint.ts";
import { DATA_FOLDER, readClusterFile } from "../cluster-file.ts";
import type { Io } from "../io.ts";

export interface PostgresOptions {
  readonly data?: string;
  readonly json: boolean;
}

const STATEMENT_MS = 10_000;

export function postgresSubcommand(command: Command, name: string, summary: string, example: string): Command {
  return command
    .command(name)
    .description(`${summary}. Postgres is that of ROOKERY_POSTGRES_URL, else of the \`rookery dev\` here`)
    .option(
      "--data <folder>",
      `data folder of the \`rookery dev\` whose Postgres to use (default: ${DATA_FOLDER} here)`,
    )
    .option("--json", "print JSON", false)
    .addHelpText("after", `\nExample:\n  ${example}`);
}

/** What the environment gives goes before the note of a running `dev`. */
export async function inPostgres(
  options: PostgresOptions,
  io: Io,
  application: string,
  work: (store: Store, by: CommandGiver) => Promise<void>,
): Promise<void> {
  const { connectStore } = await import("@rookery/store");
  const url = await postgresUrl(options, io);
  let trouble: string | undefined;
  const store = connectStore({
    ...{ url, max: 1, application, statementTimeoutMs: STATEMENT_MS },
    onState: (state, detail) => void (trouble = state === "lost" ? detail : undefined),
    // The command fails by it like by any other trouble.
    refusedSchema: () => undefined,
  });
  try {
    await work(store, { machine: hostname(), user: ownName() });
  } catch (error) {
    throw trouble === undefined ? error : new Error(`Postgres: ${trouble}`, { cause: error });
  } finally {
    await store.close();
  }
}

async function postgresUrl(options: PostgresOptions, io: Io): Promise<string> {
  const isGiven = ["ROOKERY_POSTGRES_URL", "ROOKERY_POSTGRES_URL_FILE", "ROOKERY_CONFIG"].some((name) => io.env[name]);
  const note = isGiven ? undefined : await readClusterFile(dataFolder(options, io));
  if (note !== undefined) return note.postgres;
  const { clusterSettings } = await import("@rookery/node");
  return clusterSettings.load(["postgresUrl"], { env: io.env }).postgresUrl;
}
