// Brings the schema to what this version expects: forward only, each migration once and whole, one process at a time.
// Called by `rookery migrate`, `rookery dev` and tests. Must never change what was applied: a file that differs from its
// recorded checksum stops everything.
// States of a migration: pending, applied, changed (the file differs now), unknown (applied by another version).
import { connectForMigrations } from "./connect.ts";
import type { MigrationConnection } from "./connect.ts";
import { loadMigrations, loadStatement } from "./statement.ts";
import type { Migration } from "./statement.ts";

/** `appliedAt` in ms since the Unix epoch, absent while pending. */
export interface MigrationState {
  readonly name: string;
  readonly appliedAt?: number;
  readonly state: "applied" | "pending" | "changed" | "unknown";
}

interface AppliedRow {
  readonly name: string;
  readonly checksum: string;
  readonly appliedAt: number;
}

const TABLE = loadStatement("migration-table");
const TABLE_EXISTS = loadStatement("migration-table-exists");
const LIST = loadStatement("migration-list");
const LOCK = loadStatement("migration-lock");
const ANNOUNCE = loadStatement("migration-announce");
const RECORD = loadStatement("migration-record");

/**
 * Applies what is missing and answers the names. Several callers may run at once: one works, the others wait and find
 * nothing to do. Throws an Error when an applied migration was changed, or when one is missing that stands before an
 * applied one.
 */
export async function migrateUp(url: string): Promise<string[]> {
  return connected(url, async (connection) => {
    await connection.query(LOCK);
    await connection.query(TABLE);
    const states = judge(loadMigrations(), await connection.query<AppliedRow>(LIST));
    const pending = pendingNames(states);
    for (const migration of loadMigrations()) {
      if (!pending.includes(migration.name)) continue;
      await connection.query(ANNOUNCE, [migration.name, migration.checksum]);
      await connection.script(migration.text, RECORD);
    }
    return pending;
  });
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
function judge(migrations: readonly Migration[], applied: readonly AppliedRow[]): MigrationState[] {
  const files = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  const known = applied.map(({ name, checksum, appliedAt }): MigrationState => {
    const expected = files.get(name);
    if (expected === undefined) return { name, appliedAt, state: "unknown" };
    return { name, appliedAt, state: expected === checksum ? "applied" : "changed" };
  });
  const done = new Set(applied.map(({ name }) => name));
  const missing = migrations.filter(({ name }) => !done.has(name));
  const pending = missing.map(({ name }): MigrationState => ({ name, state: "pending" }));
  return [...known, ...pending].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function pendingNames(states: readonly MigrationState[]): string[] {
  const changed = states.filter(({ state }) => state === "changed").map(({ name }) => name);
  if (changed.length > 0) throw new Error(`applied migrations were changed since: ${changed.join(", ")}`);
  const pending = states.filter(({ state }) => state === "pending").map(({ name }) => name);
  const last = states.findLast(({ state }) => state === "applied")?.name ?? "";
  const late = pending.filter((name) => name < last);
  if (late.length > 0) throw new Error(`migrations come too late, after ${last}: ${late.join(", ")}`);
  return pending;
}

async function connected<Result>(url: string, work: (to: MigrationConnection) => Promise<Result>): Promise<Result> {
  const connection = connectForMigrations(url);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}
