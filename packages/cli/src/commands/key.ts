// `rookery key create|list|revoke`: API keys, straight in Postgres, so that the first one can be made before any api runs. A
// key is shown once, at its making; only its hash is kept.
import { newApiKey, SCOPES } from "@rookery/auth";
import type { Scope } from "@rookery/auth";
import type { ApiKeys, CommandGiver } from "@rookery/store";
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { inPostgres, postgresSubcommand } from "../control/in-postgres.ts";
import type { PostgresOptions } from "../control/in-postgres.ts";
import { tableLines } from "../control/shown.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { wholeNumber } from "../option-values.ts";

interface CreateOptions extends PostgresOptions {
  readonly name: string;
  readonly scope: readonly Scope[];
}

/** The actor of its acts in the audit is `key:<name>`. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
/** ROOKERY_API_KEY acts under this name. */
const TAKEN_NAME = "bootstrap";
const MOST_LISTED = 1000;
const COLUMNS = ["id", "name", "scopes", "createdAt", "lastUsedAt", "revokedAt"];

export function key(command: Command, io: Io): void {
  postgresSubcommand(
    command,
    "create",
    "make a key and print it, this once",
    "rookery key create --name backend --scope tokens --scope publish",
  )
    .requiredOption(
      "--name <name>",
      "what it is for; acts are recorded under it. Two may share it while one replaces the other",
      keyName,
    )
    .requiredOption(
      "--scope <scope>",
      `what it may do, once for each: ${SCOPES.join(", ")} (which is everything)`,
      scope,
    )
    .action((options: CreateOptions) => withKeys(options, io, (keys, by) => create(keys, by, options, io)));
  postgresSubcommand(
    command,
    "list",
    "list keys, the newest first, with when each was last used, to the minute",
    "rookery key list --json",
  ).action((options: PostgresOptions) => withKeys(options, io, (keys) => list(keys, options, io)));
  postgresSubcommand(
    command,
    "revoke",
    "revoke a key: no api takes it any more, within two seconds",
    "rookery key revoke 3",
  )
    .argument("<id>", "its number, as `rookery key list` tells it", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .action((id: number, options: PostgresOptions) =>
      withKeys(options, io, (keys, by) => revoke(keys, by, id, options, io)),
    );
}

function keyName(text: string): string {
  if (NAME.test(text) && text !== TAKEN_NAME) return text;
  throw new InvalidArgumentError(
    `Expected 1 to 64 of A-Z a-z 0-9 _ . -, beginning with a letter or digit, and not ${TAKEN_NAME}.`,
  );
}

function scope(text: string, sofar: readonly Scope[] = []): readonly Scope[] {
  const named = SCOPES.find((each) => each === text);
  if (named === undefined) throw new InvalidArgumentError(`Expected one of ${SCOPES.join(", ")}.`);
  return [...new Set([...sofar, named])];
}

async function create(
  keys: ApiKeys,
  by: CommandGiver,
  { name, scope: scopes, json }: CreateOptions,
  io: Io,
): Promise<void> {
  const made = newApiKey();
  const id = await keys.create({ hash: made.hash, name, scopes }, by);
  io.out(json ? JSON.stringify({ id, name, scopes, key: made.key }) : made.key);
  io.err(`key ${id}: keep it now, it is stored nowhere. \`rookery key revoke ${id}\` ends it`);
}

async function list(keys: ApiKeys, { json }: PostgresOptions, io: Io): Promise<void> {
  const rows = await keys.list(MOST_LISTED);
  if (json) io.out(JSON.stringify({ keys: rows }));
  else
    for (const line of tableLines(
      rows.map((row) => ({ ...row })),
      COLUMNS,
    ))
      io.out(line);
}

async function revoke(keys: ApiKeys, by: CommandGiver, id: number, { json }: PostgresOptions, io: Io): Promise<void> {
  const revoked = await keys.revoke(id, by);
  if (revoked === undefined) {
    io.err(`no key has the number ${id}: \`rookery key list\` shows them`);
    return io.exitWith(EXIT.failed);
  }
  const { name, wasValid } = revoked;
  if (json) return io.out(JSON.stringify({ id, name, wasValid }));
  return io.out(wasValid ? `key ${id} (${name}) is revoked` : `key ${id} (${name}) was revoked before`);
}

async function withKeys(
  options: PostgresOptions,
  io: Io,
  work: (keys: ApiKeys, by: CommandGiver) => Promise<void>,
): Promise<void> {
  const { createApiKeys } = await import("@rookery/store");
  await inPostgres(options, io, "rookery key", (store, by) => work(createApiKeys(store), by));
}
