// `rookery migrate up|status|verify`: the Postgres schema. The order and the checksums are the store's; this file prints.
import type { Command } from "commander";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { address } from "../option-values.ts";

interface MigrateOptions {
  readonly postgresUrl?: string;
  readonly json: boolean;
}

interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly example: string;
  readonly run: (url: string, options: MigrateOptions, io: Io) => Promise<number>;
}

// prettier-ignore
const VERBS: readonly Verb[] = [
  { name: "up", run: up, example: "ROOKERY_POSTGRES_URL=postgres://... rookery migrate up",
    summary: "apply what is missing; safe to run by several at once" },
  { name: "status", run: status, example: "rookery migrate status --json",
    summary: "list every migration and how it stands" },
  { name: "verify", run: verify, example: "rookery migrate verify && rookery edge",
    summary: "exit 0 when the schema is exactly what this version expects, 1 otherwise" },
];

export function migrate(command: Command, io: Io): void {
  for (const { name, summary, example, run } of VERBS) {
    command
      .command(name)
      .description(summary)
      .option("--postgres-url <address>", "or ROOKERY_POSTGRES_URL", address("postgres", "postgresql"))
      .option("--json", "print JSON", false)
      .addHelpText("after", `\nExample:\n  ${example}`)
      .action(async (options: MigrateOptions) => {
        const { postgresUrl } = options;
        const flags = postgresUrl === undefined ? {} : { postgresUrl };
        const { clusterSettings } = await import("@rookery/node");
        const { postgresUrl: url } = clusterSettings.load(["postgresUrl"], { env: io.env, flags });
        io.exitWith(await run(url, options, io).catch(namingPostgres));
      });
  }
}

/** Postgres' own words say neither what was asked nor by which setting. */
async function namingPostgres(error: unknown): Promise<never> {
  const { isAway, outageReason } = await import("@rookery/store");
  throw isAway(error) ? new Error(`Postgres, by ROOKERY_POSTGRES_URL: ${outageReason(error)}`) : error;
}

async function up(url: string, { json }: MigrateOptions, io: Io): Promise<number> {
  const { migrateUp, UnfitSchema } = await import("@rookery/store");
  const applied = await migrateUp(url).catch((error: unknown) => {
    if (error instanceof UnfitSchema) return error;
    throw error;
  });
  if (applied instanceof UnfitSchema) {
    io.err(`rookery: ${applied.message}`);
    return EXIT.config;
  }
  if (json) io.out(JSON.stringify({ applied }));
  else io.out(applied.length === 0 ? "nothing to apply" : `applied ${applied.join(", ")}`);
  return EXIT.done;
}

async function status(url: string, { json }: MigrateOptions, io: Io): Promise<number> {
  const { migrationStatus } = await import("@rookery/store");
  const migrations = await migrationStatus(url);
  if (json) io.out(JSON.stringify({ migrations }));
  else for (const { name, state, appliedAt } of migrations) io.out(`${state.padEnd(8)} ${name}${dated(appliedAt)}`);
  return EXIT.done;
}

async function verify(url: string, { json }: MigrateOptions, io: Io): Promise<number> {
  const { migrationStatus } = await import("@rookery/store");
  const wrong = (await migrationStatus(url)).filter(({ state }) => state !== "applied");
  if (json) io.out(JSON.stringify({ ok: wrong.length === 0, wrong }));
  else if (wrong.length === 0) io.out("the schema is up to date");
  else for (const { name, state } of wrong) io.out(`${state.padEnd(8)} ${name}`);
  return wrong.length === 0 ? EXIT.done : EXIT.failed;
}

function dated(atMs: number | undefined): string {
  return atMs === undefined ? "" : `  ${new Date(atMs).toISOString()}`;
}
