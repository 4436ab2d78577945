// A pool of connections to Postgres that comes up by itself whenever Postgres does, also behind a pooler of connections.
// Everything else in this package asks through `Store.query`. Must never hold a transaction open: each query is one
// (the driver, 3.4.9, rolls back on the null socket of a lost connection, which ends the process).
// States, told once per change: ready, lost. Ways: not known -> direct or pooled. Tables: not known -> fit; until then it is lost.
import { ChatError } from "@rookery/protocol";
import { codeOf, isAway, isOutOfReach, isUnanswered, NoAnswer } from "./away.ts";
import { createPool, IDLE_IN_TRANSACTION_MS } from "./driver.ts";
import type { Pool, Way } from "./driver.ts";
import { readPostgresUrl } from "./postgres-url.ts";
import { outageReason } from "./reason.ts";
import { newerSchema, schemaFault, UnfitSchema } from "./schema-fit.ts";
import { loadStatement, migrationNames } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** Arrays go as text: see arrayLiteral. */
export type Parameter = string | number | boolean | null | Uint8Array;

export interface StoreOptions {
  readonly url: string;
  /** Most connections. */
  readonly max: number;
  /** How this process is called in `pg_stat_activity`. */
  readonly application: string;
  /** A statement that takes longer is cancelled by Postgres. */
  readonly statementTimeoutMs: number;
  /** Whether Postgres answers. Called once per change, never per attempt; `detail` says what was wrong. */
  onState?(state: "ready" | "lost", detail?: string): void;
  /**
   * Given by whoever works with our tables: nothing is asked of them before they are this build's, and until then Postgres counts
   * as away. Called, with the reason in one line, when they are of a newer build that no older one can work with.
   */
  refusedSchema?(reason: string): void;
}

/** What a client's request is about, in the words in which it is told that this is unavailable. */
export type Subject =
  | "the history"
  | "channels"
  | "rights"
  | "users"
  | "API keys"
  | "dead letters"
  | "the audit log"
  | "refresh tokens"
  | "positions of the outbox"
  | "read positions"
  | "settings of the cluster";

export type StoreState = "unknown" | "ready" | "lost";

/** A way to Postgres; making one connects to nothing. */
export interface Store {
  /** Rows of one statement, which is a transaction of its own. Rejects with the driver's error: see `isAway`. */
  query<Row extends object>(statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /** The same on behalf of a client: throws ChatError `unavailable`, which names the subject, while Postgres is away. */
  read<Row extends object>(subject: Subject, statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /** As `read`, for a statement that changes something: its refusal says so. */
  write<Row extends object>(subject: Subject, statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /**
   * As `write`, for a change whose refusal is taken as "nothing happened": throws ChatError `unknown` where its statement
   * was under way and no answer came, since a server that was frozen carries it out when it goes on.
   */
  act<Row extends object>(subject: Subject, statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /** What keeps Postgres from serving, asked within a second, in words for an operator; undefined when it reads and writes. */
  trouble(): Promise<string | undefined>;
  /** Whether Postgres answered when it was last asked, for the metrics. */
  state(): StoreState;
  close(): Promise<void>;
}

/** Beyond Postgres' own timeout, for the way there and back: a server that is frozen cancels nothing by itself. */
const ANSWER_SLACK_MS = 1_000;
const READY_WITHIN_MS = 1_000;
/** Queries of a pool that is replaced may still have their answers. */
const RETIRE_SEC = 2;
const CLOSE_SEC = 2;

const NO_SUCH_TABLE = "42P01";
const NOT_ALLOWED = "42501";

const READ_ONLY = loadStatement("read-only");

const SESSION_TIMEOUTS = loadStatement("session-timeouts");
const MIGRATIONS = loadStatement("migration-list");

interface ReadOnlyRow {
  readonly readOnly: string;
}

interface MigrationRow {
  readonly name: string;
}

interface TimeoutsRow {
  readonly statementMs: number;
  readonly idleMs: number;
}

/** Within which a question is answered, and whether its pool is given up otherwise. */
interface Limit {
  readonly withinMs: number;
  readonly retires: boolean;
}

/** Told with `ready` once it is known. */
const POOLED =
  "behind a pooler: statements are not prepared, and Postgres cancels none by our timeout (alter role ... set statement_timeout)";

/** Never connects. Throws an Error of one line for an address that cannot be read; the settings have read it before. */
export function connectStore(options: StoreOptions): Store {
  const { max, application, statementTimeoutMs } = options;
  const answerWithinMs = statementTimeoutMs + ANSWER_SLACK_MS;
  const address = readPostgresUrl(options.url);
  const open = (by: Way): Pool => createPool({ address, max, application, statementTimeoutMs, way: by });
  let way: Way | undefined;
  let pool = open("direct");
  let isSchemaFit = options.refusedSchema === undefined;
  let schemaNote: string | undefined;
  let finding: Promise<void> | undefined;
  let closed = false;
  let told: StoreState = "unknown";

  const tell = (state: "ready" | "lost", detail?: string): void => {
    if (told === state || closed) return;
    told = state;
    options.onState?.(state, detail);
  };

  /**
   * Connections on which nothing comes back stay taken until the kernel gives them up, which may be in a quarter of an
   * hour: so the pool that has one is replaced as a whole. Those who fail together replace one pool.
   */
  const retire = (old: Pool): void => {
    if (pool !== old || closed) return;
    pool = open(way ?? "direct");
    // One that will not end is the kernel's to give up.
    old.end({ timeout: RETIRE_SEC }).catch(() => undefined);
  };

  /**
   * Never by a prepared statement: behind a pooler that hides itself, the driver (3.4.9) prepares again what is not
   * there, and with several queries under way it then takes the answer to one for that to another.
   */
  async function findWay(): Promise<void> {
    const asked = pool;
    try {
      const question = asked.unsafe<TimeoutsRow[]>(SESSION_TIMEOUTS, [], { prepare: false });
      const [found] = await answered(question, answerWithinMs);
      const areOurs = found?.statementMs === statementTimeoutMs && found.idleMs === IDLE_IN_TRANSACTION_MS;
      way = areOurs ? "direct" : "pooled";
    } catch (error) {
      if (error instanceof NoAnswer) retire(asked);
      if (!isOfPooler(error)) throw error;
      way = "pooled";
    }
    if (way === "pooled") retire(asked);
  }

  async function findSchema(): Promise<void> {
    const known = migrationNames();
    const applied = (await appliedMigrations()) ?? known;
    const fault = schemaFault(known, applied);
    if (fault?.isNewer === true) options.refusedSchema?.(fault.message);
    if (fault !== undefined) throw fault;
    isSchemaFit = true;
    schemaNote = newerSchema(known, applied);
  }

  /** Undefined where this role may not look. By a statement that is not prepared, as the one before it. */
  async function appliedMigrations(): Promise<readonly string[] | undefined> {
    try {
      const rows = await answered(pool.unsafe<MigrationRow[]>(MIGRATIONS, [], { prepare: false }), answerWithinMs);
      return rows.map(({ name }) => name);
    } catch (error) {
      if (codeOf(error) === NO_SUCH_TABLE) return [];
      if (codeOf(error) === NOT_ALLOWED) return undefined;
      throw error;
    }
  }

  async function findOut(): Promise<void> {
    if (way === undefined) await findWay();
    if (!isSchemaFit) await findSchema();
  }

  async function ask<Row extends object>(
    statement: Statement,
    parameters: readonly Parameter[],
    limit: Limit,
  ): Promise<Row[]> {
    if (way === undefined || !isSchemaFit) {
      // One looks for all; asked again until it is known.
      finding ??= findOut().finally(() => (finding = undefined));
      await answered(finding, limit.withinMs);
    }
    const asked = pool;
    try {
      const question = asked.unsafe<Row[]>(statement, [...parameters], { prepare: true });
      const rows = await answered(question, limit.withinMs);
      tell("ready", readyNote());
      return [...rows];
    } catch (error) {
      if (error instanceof NoAnswer && limit.retires) retire(asked);
      throw error;
    }
  }

  function readyNote(): string | undefined {
    const notes = [way === "pooled" ? POOLED : undefined, schemaNote].filter((note) => note !== undefined);
    return notes.length === 0 ? undefined : notes.join("; ");
  }

  async function query<Row extends object>(statement: Statement, parameters: readonly Parameter[]): Promise<Row[]> {
    try {
      return await ask<Row>(statement, parameters, { withinMs: answerWithinMs, retires: true });
    } catch (error) {
      // One that answers and refuses to write is there: `ready` would contradict it at every look.
      if (isOutOfReach(error)) tell("lost", outageReason(error));
      throw error;
    }
  }

  return {
    query,
    read: (subject, ...asked) => query<never>(...asked).catch((error: unknown) => refuse(error, subject, "read")),
    write: (subject, ...asked) => query<never>(...asked).catch((error: unknown) => refuse(error, subject, "changed")),
    act: (subject, ...asked) =>
      query<never>(...asked).catch((error: unknown) => {
        if (!isUnanswered(error)) return refuse(error, subject, "changed");
        throw new ChatError("unknown", `whether ${subject} were changed is not known: Postgres did not answer`);
      }),
    trouble: async () => {
      try {
        const [row] = await ask<ReadOnlyRow>(READ_ONLY, [], { withinMs: READY_WITHIN_MS, retires: false });
        return row?.readOnly === "on" ? "Postgres is read-only: it refuses to write" : undefined;
      } catch (error) {
        tell("lost", outageReason(error));
        return error instanceof UnfitSchema ? error.message : "Postgres does not answer";
      }
    },
    state: () => told,
    close: async () => {
      closed = true;
      await pool.end({ timeout: CLOSE_SEC });
    },
  };
}

/** What a client is told: a Postgres that answers and refuses is not out of reach. */
function refuse(error: unknown, subject: Subject, asked: "read" | "changed"): never {
  if (isOutOfReach(error)) throw new ChatError("unavailable", `${subject} cannot be reached`);
  if (isAway(error)) throw new ChatError("unavailable", `${subject} cannot be ${asked} at present`);
  throw error;
}

/** A pooler of connections (PgBouncer, for one) refuses what it cannot keep for whoever comes next. */
export function isOfPooler(error: unknown): boolean {
  return codeOf(error) === "08P01" && error instanceof Error && /unsupported startup parameter/i.test(error.message);
}

async function answered<Answer>(asked: PromiseLike<Answer>, withinMs: number): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const overrun = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(withinMs)), withinMs);
  });
  try {
    return await Promise.race([asked, overrun]);
  } finally {
    clearTimeout(timer);
  }
}
