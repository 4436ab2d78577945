// Owns the database of one test file: a clone of a template that was migrated once. Called at the top of
// `*.pg.test.ts` files. States of the template: absent, being made (under an advisory lock), ready.
// Must never hand one database to two files.
import { randomBytes } from "node:crypto";
import { startPostgres } from "@rookery/servers";
import { migrateUp } from "@rookery/store";
import postgres from "postgres";
import type { Sql } from "postgres";
import { afterAll, inject } from "vitest";
import type { PostgresUrlKey } from "./postgres-global.ts";

/** Any number will do, as long as all who make templates take the same one. */
const templateLock = 7_665_539;

const templateName = "rookery_template";

export interface TestPostgresOptions {
  /** False gives an empty database, for tests of the migrations themselves. */
  migrated?: boolean;
}

export interface TestPostgres {
  /** Of this file's own database. */
  url: string;
  /** A pool of up to four connections on it. */
  sql: Sql;
}

const providedAs: PostgresUrlKey = "rookeryPostgresUrl";

const quiet = { max: 4, onnotice: () => undefined } as const;

const databaseUrl = (serverUrl: string, name: string): string => {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
};

/** The run's server, or one of our own where no global set-up provides it. */
const serverUrl = async (): Promise<string> => {
  const provided: string | undefined = inject(providedAs);
  if (provided !== undefined) return provided;
  const server = await startPostgres({ ephemeral: true });
  afterAll(server.stop);
  return server.url;
};

/** Makes the template if nobody has. The name is given only to a finished one, so a failed attempt leaves no half. */
const makeTemplate = async (sql: Sql, server: string): Promise<void> => {
  const found = await sql`select 1 from pg_database where datname = ${templateName}`;
  if (found.length > 0) return;
  const draft = `${templateName}_draft`;
  await sql.unsafe(`drop database if exists ${draft} with (force)`);
  await sql.unsafe(`create database ${draft}`);
  await migrateUp(databaseUrl(server, draft));
  await sql.unsafe(`alter database ${draft} rename to ${templateName}`);
};

const clone = async (server: string, name: string, migrated: boolean): Promise<void> => {
  const sql = postgres(server, { ...quiet, max: 1 });
  try {
    // One connection, so the session-wide lock covers everything up to `end`. Cloning needs a template nobody is using.
    await sql`select pg_advisory_lock(${templateLock})`;
    if (migrated) await makeTemplate(sql, server);
    await sql.unsafe(migrated ? `create database ${name} template ${templateName}` : `create database ${name}`);
  } finally {
    await sql.end();
  }
};

/**
 * A migrated database of this file's own, dropped after its last test.
 * Call it at the top level of a test file: `const { url, sql } = await testPostgres();`
 */
export const testPostgres = async (options: TestPostgresOptions = {}): Promise<TestPostgres> => {
  const server = await serverUrl();
  const name = `test_${randomBytes(6).toString("hex")}`;
  await clone(server, name, options.migrated ?? true);
  const url = databaseUrl(server, name);
  const sql = postgres(url, quiet);
  afterAll(async () => {
    await sql.end({ timeout: 1 });
    const admin = postgres(server, { ...quiet, max: 1 });
    await admin.unsafe(`drop database if exists ${name} with (force)`);
    await admin.end();
  });
  return { url, sql };
};
