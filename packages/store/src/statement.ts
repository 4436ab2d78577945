// The SQL files beside `src/`. Everything this package sends to Postgres comes from there, with values only as
// parameters: no other file may put SQL together.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

declare const isStatement: unique symbol;

/** Text of one SQL file; parameters stand in it as `$1`, `$2`. */
export type Statement = string & { readonly [isStatement]: true };

export interface Migration {
  /** Four digits and words, which is the order. */
  readonly name: string;
  readonly text: Statement;
  /** SHA-256 in hex, the same whatever a checkout does to line ends. */
  readonly checksum: string;
}

/** `sql/` lies beside both `src/` and `dist/`. */
const FOLDER = new URL("../sql/", import.meta.url);
const MIGRATION_FILE = /^(\d{4}-[a-z0-9-]+)\.sql$/;
const MIGRATION_NAME = /^\d{4}-[a-z0-9-]+$/;

/** The statement of `sql/<name>.sql`. Read when a module is loaded, so a missing file ends the start and no request. */
export function loadStatement(name: string): Statement {
  return asStatement(readFileSync(new URL(`${name}.sql`, FOLDER), "utf8"));
}

/** Of every migration, in the order in which they are applied. */
export function migrationNames(): string[] {
  return readdirSync(new URL("migrations/", FOLDER))
    .flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? [])
    .toSorted();
}

/** Every migration, in the order in which they are applied. */
export function loadMigrations(): Migration[] {
  return migrationNames().map((name) => {
    const text = loadStatement(`migrations/${name}`);
    return { name, text, checksum: createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex") };
  });
}

const RECORD = loadStatement("migration-record");

/**
 * The statement that notes a migration as applied. One message of several statements takes no parameters, so its two
 * values stand in the text: both are of a form that ends no literal.
 */
export function recordOf({ name, checksum }: Migration): Statement {
  if (!MIGRATION_NAME.test(name) || !/^[0-9a-f]{64}$/.test(checksum)) throw new Error(`${name} cannot be recorded`);
  return asStatement(RECORD.replaceAll(":name", `'${name}'`).replaceAll(":checksum", `'${checksum}'`));
}

function asStatement(text: string): Statement {
  const isText = (value: string): value is Statement => value.length > 0;
  if (!isText(text)) throw new Error("an SQL file is empty");
  return text;
}
