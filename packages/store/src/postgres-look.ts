// One look at a Postgres for whoever is about to rely on it: what it says of itself, how the schema stands, what our role may do,
// what the cluster has written down; and another at how much is saved, which is to be asked for after Redis was. Called by
// `rookery doctor`. Bounded in time, writes nothing, and judges nothing.
// It asks past the store, which waits for what it takes for an outage.
import { codeOf } from "./away.ts";
import { isOfPooler } from "./connect.ts";
import { createPool, IDLE_IN_TRANSACTION_MS } from "./driver.ts";
import type { Pool, Way } from "./driver.ts";
import type { EntryId } from "./entry-id.ts";
import { judge } from "./migrate.ts";
import type { AppliedRow, MigrationState } from "./migrate.ts";
import { neededRights } from "./needed-rights.ts";
import type { PostgresUser } from "./needed-rights.ts";
import { readPostgresUrl } from "./postgres-url.ts";
import type { SslMode } from "./postgres-url.ts";
import { outageReason } from "./reason.ts";
import { loadMigrations, loadStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** What a server says of itself, and its clock between two moments of ours. */
export interface PostgresServer {
  readonly version: string;
  readonly versionNumber: number;
  readonly isReadOnly: boolean;
  readonly maxConnections: number;
  readonly role: string;
  /** In which tables are looked for; empty where our role may use none. */
  readonly schema: string;
  readonly isEncrypted: boolean;
  readonly serverMs: number;
  readonly sentMs: number;
  readonly receivedMs: number;
}

export interface PostgresLook {
  /** Host and port. */
  readonly name: string;
  readonly sslMode: SslMode;
  /** Why there is no way to it; undefined when `server` is known. */
  readonly fault: string | undefined;
  readonly server: PostgresServer | undefined;
  readonly isPooled: boolean;
  /** In force on a connection of ours; 0 for none. */
  readonly statementMs: number | undefined;
  /** Undefined where our role may not look, as are those below. */
  readonly migrations: readonly MigrationState[] | undefined;
  /** What our role may not do and the process needs, in words. */
  readonly lacking: readonly string[] | undefined;
  /** What is recorded, empty where nothing is. */
  readonly partitions: string | undefined;
  readonly cluster: string | undefined;
}

export interface PostgresLookOptions {
  readonly url: string;
  /** `migrate`: who makes the tables and alters them. */
  readonly user: PostgresUser | "migrate";
  readonly statementTimeoutMs: number;
  /** All of it. */
  readonly withinMs: number;
}

const TIMEOUTS = loadStatement("session-timeouts");
const SERVER = loadStatement("look-at-server");
const RIGHTS = loadStatement("look-at-rights");
const OWNERSHIP = loadStatement("look-at-ownership");
const TABLE_EXISTS = loadStatement("migration-table-exists");
const LIST = loadStatement("migration-list");
const SETTING = loadStatement("cluster-setting-find");
const POSITIONS = loadStatement("outbox-positions-list");

type Ask = <Row extends object>(statement: Statement, ...parameters: readonly string[]) => Promise<Row[]>;

type Found = Omit<PostgresLook, "name" | "sslMode" | "fault">;

const NOTHING: Found = {
  ...{ server: undefined, isPooled: false, statementMs: undefined, migrations: undefined, lacking: undefined },
  ...{ partitions: undefined, cluster: undefined },
};

/** Never rejects, and never takes longer than it was given by more than a moment. */
export async function lookAtPostgres(options: PostgresLookOptions): Promise<PostgresLook> {
  const { host, port, sslMode } = readPostgresUrl(options.url);
  const about = { name: `${host}:${port}`, sslMode };
  try {
    const found = await withPools(options, (open) => lookThrough(open, options));
    return { ...about, fault: undefined, ...found };
  } catch (error) {
    const fault = error instanceof TooLate ? error.message : outageReason(error);
    return { ...about, ...NOTHING, fault };
  }
}

/** Up to where each partition is committed; undefined where that cannot be seen, for whatever reason. As bounded. */
export async function lookAtSaved(options: Access): Promise<ReadonlyMap<number, EntryId> | undefined> {
  const asked = withPools(options, async (open) => {
    const { ask } = await findWay(open, options.statementTimeoutMs);
    return ask<EntryId & { partition: number }>(POSITIONS);
  });
  const rows = await asked.catch(() => undefined);
  return rows && new Map(rows.map(({ partition, epoch, number }) => [partition, { epoch, number }]));
}

type Access = Pick<PostgresLookOptions, "url" | "statementTimeoutMs" | "withinMs">;
type Open = (way: Way) => Pool;

async function withPools<Answer>(
  { url, statementTimeoutMs, withinMs }: Access,
  look: (open: Open) => Promise<Answer>,
): Promise<Answer> {
  const address = readPostgresUrl(url);
  const pools: Pool[] = [];
  const open: Open = (way) => {
    const pool = createPool({ address, max: 1, application: "rookery-doctor", statementTimeoutMs, way });
    pools.push(pool);
    return pool;
  };
  try {
    return await within(withinMs, look(open));
  } finally {
    // One that does not answer any more is cut.
    await Promise.all(pools.map((pool) => pool.end({ timeout: 0 })));
  }
}

class TooLate extends Error {}

async function within<Answer>(ms: number, asked: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TooLate(`it did not answer within ${ms} ms`)), ms);
  });
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

interface Timeouts {
  readonly statementMs: number;
  readonly idleMs: number;
}

/** As a process finds its way: behind a pooler the timeouts are refused, or are not those that were asked for. */
async function findWay(open: Open, statementTimeoutMs: number) {
  const direct = asker(open("direct"));
  try {
    const [found] = await direct<Timeouts>(TIMEOUTS);
    const isPooled = found?.statementMs !== statementTimeoutMs || found.idleMs !== IDLE_IN_TRANSACTION_MS;
    return { ask: direct, isPooled, statementMs: found?.statementMs };
  } catch (error) {
    if (!isOfPooler(error)) throw error;
    const pooled = asker(open("pooled"));
    const [found] = await pooled<Timeouts>(TIMEOUTS);
    return { ask: pooled, isPooled: true, statementMs: found?.statementMs };
  }
}

const asker =
  (pool: Pool): Ask =>
  async <Row extends object>(statement: Statement, ...parameters: readonly string[]) => [
    ...(await pool.unsafe<Row[]>(statement, [...parameters], { prepare: false })),
  ];

async function lookThrough(open: Open, { user, statementTimeoutMs }: PostgresLookOptions): Promise<Found> {
  const { ask, isPooled, statementMs } = await findWay(open, statementTimeoutMs);
  const sentMs = Date.now();
  const [said] = await ask<Omit<PostgresServer, "sentMs" | "receivedMs">>(SERVER);
  const server = said === undefined ? undefined : { ...said, sentMs, receivedMs: Date.now() };
  const known = { server, isPooled, statementMs };
  if (server?.schema === "") return { ...NOTHING, ...known, lacking: ["usage of a schema"] };
  const [exists] = await ask<{ exists: boolean }>(TABLE_EXISTS);
  const migrations = exists?.exists === true ? await seen(migrationsBy(ask)) : judge(loadMigrations(), []);
  const lacking = await seen(user === "migrate" ? lackingOfOwner(ask) : lackingOf(ask, user));
  const setting = async (name: string): Promise<string | undefined> => {
    if (exists?.exists !== true) return "";
    const rows = await seen(ask<{ value: string }>(SETTING, name));
    return rows && (rows[0]?.value ?? "");
  };
  return { ...known, migrations, lacking, partitions: await setting("partitions"), cluster: await setting("cluster") };
}

async function migrationsBy(ask: Ask): Promise<MigrationState[]> {
  return judge(loadMigrations(), await ask<AppliedRow>(LIST));
}

async function lackingOf(ask: Ask, user: PostgresUser): Promise<string[]> {
  return (await ask<{ lacking: string }>(RIGHTS, JSON.stringify(neededRights(user)))).map(({ lacking }) => lacking);
}

async function lackingOfOwner(ask: Ask): Promise<string[]> {
  const [found] = await ask<{ mayCreate: boolean; ofOthers: string }>(OWNERSHIP);
  if (found === undefined) return [];
  const tables = found.ofOthers === "" ? [] : found.ofOthers.split(", ").map((table) => `ownership of ${table}`);
  return [...(found.mayCreate ? [] : ["create in the schema"]), ...tables];
}

/** No right to look, or a table that only a later migration makes. */
const NOT_SEEN: ReadonlySet<string> = new Set(["42501", "42P01"]);

async function seen<Answer>(asked: Promise<Answer>): Promise<Answer | undefined> {
  return asked.catch((error: unknown) => {
    if (NOT_SEEN.has(codeOf(error))) return undefined;
    throw error;
  });
}
