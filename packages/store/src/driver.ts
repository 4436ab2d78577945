// The one file that knows the driver, postgres.js: what a connection is opened with, and that nothing outside the address
// has a say in it. Called by connect.ts and, for the migrations, by migrate.ts.
// The driver (3.4.9) reads `PG*` variables for whatever it was not told, and `PGTARGETSESSIONATTRS` whatever it was told.
import { rootCertificates as wellKnown, checkServerIdentity } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import postgres from "postgres";
import { readPostgresUrl } from "./postgres-url.ts";
import type { PostgresAddress } from "./postgres-url.ts";
import type { Statement } from "./statement.ts";

/** Every integer of this schema stays below 2^53. */
const WHOLE_NUMBER = { to: 20, from: [20], parse: Number, serialize: String };
const CONNECT_TIMEOUT_SEC = 5;
export const IDLE_IN_TRANSACTION_MS = 5_000;
/** A connection is replaced after this and up to twice this, so that a pool does not come back all at once. */
const LIFETIME_SEC = 30 * 60;
const CLOSE_SEC = 2;

export type Pool = postgres.Sql<{ bigint: number }>;

/**
 * `pooled`: behind a pooler that lends out a connection for one transaction. It takes no timeouts at the start of a
 * connection, and a statement prepared in one transaction is not there in the next.
 */
export type Way = "direct" | "pooled";

export interface PoolOptions {
  readonly address: PostgresAddress;
  readonly max: number;
  readonly application: string;
  readonly statementTimeoutMs: number;
  readonly way: Way;
}

/** Connects to nothing before it is asked. */
export function createPool({ address, max, application, statementTimeoutMs, way }: PoolOptions): Pool {
  const session = {
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    // Every statement of ours finds its rows by an index, whatever its values: planned anew for each of them, a page of
    // history takes longer to plan than to read, since messages has eight parts with four indexes each.
    plan_cache_mode: "force_generic_plan",
  };
  return deafToEnvironment(() =>
    postgres({
      ...connecting(address),
      max,
      max_lifetime: Math.round(LIFETIME_SEC * (1 + Math.random())),
      connection: { application_name: application, ...(way === "direct" ? session : {}) },
      prepare: way === "direct",
    }),
  );
}

/** One connection for the migrations, without a bound on statements. The caller ends it. */
export interface MigrationConnection {
  query<Row extends object>(statement: Statement): Promise<Row[]>;
  /** Files of any number of statements, all in one transaction. */
  script(...files: readonly Statement[]): Promise<void>;
  end(): Promise<void>;
}

/** Throws an Error of one line for an address that cannot be read. Needs nothing of a session beyond one message. */
export function connectForMigrations(url: string): MigrationConnection {
  const address = readPostgresUrl(url);
  const sql = deafToEnvironment(() =>
    postgres({
      ...connecting(address),
      max: 1,
      max_lifetime: null,
      connection: { application_name: "rookery-migrate" },
      prepare: false,
    }),
  );
  return {
    query: async <Row extends object>(statement: Statement) => [...(await sql.unsafe<Row[]>(statement))],
    script: async (...files) => {
      // One message to Postgres is one transaction, whatever number of statements it holds.
      await sql.unsafe(files.join("\n;\n"));
    },
    end: () => sql.end({ timeout: CLOSE_SEC }),
  };
}

/** What every connection is opened with. */
function connecting(address: PostgresAddress) {
  const { host, port, user, password, database } = address;
  const options: postgres.Options<{ bigint: postgres.PostgresType<number> }> = {
    user,
    // A function, since the driver takes an empty text for none and looks elsewhere.
    pass: () => password,
    database,
    ssl: tlsOptions(address),
    connect_timeout: CONNECT_TIMEOUT_SEC,
    // Attempts are spaced by whoever asks: a pool that waits by itself would keep a recovered Postgres waiting.
    backoff: () => 0,
    types: { bigint: WHOLE_NUMBER },
    // The driver (3.4.9) asks for array types on every new connection, and nobody catches that query's failure when the
    // connection is cut meanwhile: the process would end. So arrays go out as literals and come back as JSON.
    fetch_types: false,
    onnotice: () => undefined,
  };
  // In lists, which the driver's types do not know: it cuts a text at its colons, and IPv6 is made of them.
  return Object.assign(options, { host: [host], port: [port] });
}

/** Whatever Node takes from its own environment is said as well: `NODE_TLS_REJECT_UNAUTHORIZED`, further certificates. */
function tlsOptions({ sslMode, host, rootCertificates }: PostgresAddress): ConnectionOptions | false {
  if (sslMode === "disable") return false;
  if (sslMode === "require") return { rejectUnauthorized: false };
  return {
    rejectUnauthorized: true,
    ca: rootCertificates ?? [...wellKnown],
    // By itself Node holds an address against `localhost` here, since the driver names no host for one.
    checkServerIdentity: (_name, certificate) =>
      sslMode === "verify-full" ? checkServerIdentity(host, certificate) : undefined,
  };
}

/** The driver reads the environment at once, when it is made. */
function deafToEnvironment<Made>(make: () => Made): Made {
  const hidden = Object.entries(process.env).filter(([name]) => name.startsWith("PG"));
  for (const [name] of hidden) delete process.env[name];
  try {
    return make();
  } finally {
    for (const [name, value] of hidden) process.env[name] = value;
  }
}
