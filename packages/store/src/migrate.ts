// Brings the schema to what this version expects: forward only, each migration once and whole, one process at a time.
// Called by `rookery migrate`, `rookery dev` and tests. Must never change what was applied: a file that differs from its
// recorded checksum stops everything. Nothing here outlives a transaction: behind a pooler there is no session to rely on.
// States of a migration: pending, applied, changed (the file differs now), unknown (applied by a newer
// version), breaking (the same, and no older one can work with it).
import { connectForMigrations } from "./driver.ts";
import type { MigrationConnection } from "./driver.ts";
import { isBreaking, schemaFault } from "./schema-fit.ts";
import { loadMigrations, loadStatement, recordOf } from "./statement.ts";
import type { Migration } from "./statement.ts";

/** `appliedAt` in ms since the Unix epoch, absent while pending. */
export interface MigrationState {
  readonly name: string;
  readonly appliedAt?: number;
  readonly state: "applied" | "pending" | "changed" | "unknown" | "breaking";
}

export interface AppliedRow {
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: number;
}

const TABLE = loadStatement("migration-table");
const TABLE_EXISTS = loadStatement("migration-table-exists");
const LIST = loadStatement("migration-list");
const LOCK = loadStatement("migration-lock");

/**
 * Applies what is missing and answers the names of what it applied itself. Several callers may run at once: each
 * migration is applied by one of them, while the others wait for it. Throws an Error when an applied migration was
 * changed, or when one is missing that stands before an applied one; UnfitSchema when a newer build has broken with this one.
 */
export async function migrateUp(url: string): Promise<string[]> {
  return connected(url, async (connection) => {
    await connection.script(LOCK, TABLE);
    const applied: string[] = [];
    for (;;) {
      const [next] = pendingMigrations(await connection.query<AppliedRow>(LIST));
      if (next === undefined) return applied;
      if (await apply(connection, next)) applied.push(next.name);
    }
  });
}

/** False when another has applied it meanwhile: the record comes first, and holds whoever brings the same one. */
async function apply(connection: MigrationConnection, migration: Migration): Promise<boolean> {
  try {
    await connection.script(recordOf(migration), migration.text);
    return true;
  } catch (error) {
    if (isRecordedAlready(error)) return false;
    throw error;
  }
}

function isRecordedAlready(error: unknown): boolean {
  return error instanceof Error && "constraint_name" in error && error.constraint_name === "schema_migrations_pkey";
}

/** Every migration that this version has or that was applied, by name. Changes nothing. */
export async function migrationStatus(url: string): Promise<MigrationState[]> {
  return connected(url, async (connection) => {
    const [found] = await connection.query<{ exists: boolean }>(TABLE_EXISTS);
    const applied = found?.exists === true ? await connection.query<AppliedRow>(LIST) : [];
    return judge(loadMigrations(), applied);
  });
}

/** Pure: compares the files with what is recorded. */
export function judge(migrations: readonly Migration[], applied: readonly AppliedRow[]): MigrationState[] {
  const files = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  const known = applied.map(({ name, checksum, appliedAt }): MigrationState => {
    const expected = files.get(name);
    if (expected === undefined) return { name, appliedAt, state: isBreaking(name) ? "breaking" : "unknown" };
    return { name, appliedAt, state: expected === checksum ? "applied" : "changed" };
  });
  const done = new Set(applied.map(({ name }) => name));
  const missing = migrations.filter(({ name }) => !done.has(name));
  const pending = missing.map(({ name }): MigrationState => ({ name, state: "pending" }));
  return [...known, ...pending].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function pendingMigrations(rows: readonly AppliedRow[]): Migration[] {
  const migrations = loadMigrations();
  const fault = schemaFault(
    migrations.map(({ name }) => name),
    rows.map(({ name }) => name),
  );
  if (fault?.isNewer === true) throw fault;
  const states = judge(migrations, rows);
  const changed = states.filter(({ state }) => state === "changed").map(({ name }) => name);
  if (changed.length > 0) throw new Error(`applied migrations were changed since: ${changed.join(", ")}`);
  const pending = states.filter(({ state }) => state === "pending").map(({ name }) => name);
  const last = states.findLast(({ state }) => state === "applied")?.name ?? "";
  const late = pending.filter((name) => name < last);
  if (late.length > 0) throw new Error(`migrations come too late, after ${last}: ${late.join(", ")}`);
  return migrations.filter(({ name }) => pending.includes(name));
}

async function connected<Result>(url: string, work: (to: MigrationConnection) => Promise<Result>): Promise<Result> {
  const connection = connectForMigrations(url);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}
