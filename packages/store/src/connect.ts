// The one file that knows the driver: a pool of connections to Postgres that comes up by itself whenever Postgres does.
// Everything else in this package asks through `Store.query`. Must never hold a transaction open: each query is one
// (the driver, 3.4.9, rolls back on the null socket of a lost connection, which ends the process).
// States, told once per change: ready, lost.
import { ChatError } from "@rookery/protocol";
import postgres from "postgres";
import { codeOf, isAway, isOutOfReach, NoAnswer } from "./away.ts";
import { loadStatement } from "./statement.ts";
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
  readonly statementTimeoutMs?: number;
  /** Whether Postgres answers. Called once per change, never per attempt; `detail` says what was wrong. */
  onState?(state: "ready" | "lost", detail?: string): void;
}

/** What a client's request is about, in the words in which it is told that this cannot be had. */
export type Subject =
  "the history" | "channels" | "API keys" | "refresh tokens" | "positions of the outbox" | "settings of the cluster";

export type StoreState = "unknown" | "ready" | "lost";

/** A way to Postgres; making one connects to nothing. */
export interface Store {
  /** Rows of one statement, which is a transaction of its own. Rejects with the driver's error: see `isAway`. */
  query<Row extends object>(statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /** The same on behalf of a client: throws ChatError `unavailable`, which names the subject, while Postgres is away. */
  read<Row extends object>(subject: Subject, statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /** As `read`, for a statement that changes something: its refusal says so. */
  write<Row extends object>(subject: Subject, statement: Statement, parameters: readonly Parameter[]): Promise<Row[]>;
  /** What keeps Postgres from serving, asked within a second, in words for an operator; undefined when it reads and writes. */
  trouble(): Promise<string | undefined>;
  /** Whether Postgres answered when it was last asked, for the metrics. */
  state(): StoreState;
  close(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 5_000;
/** Beyond Postgres' own timeout, for the way there and back: a server that is frozen cancels nothing by itself. */
const ANSWER_SLACK_MS = 1_000;
const CONNECT_TIMEOUT_SEC = 5;
const IDLE_IN_TRANSACTION_MS = 5_000;
const READY_WITHIN_MS = 1_000;
/** Queries of a pool that is replaced may still have their answers. */
const RETIRE_SEC = 2;
const CLOSE_SEC = 2;

const READ_ONLY = loadStatement("read-only");

interface ReadOnlyRow {
  readonly readOnly: string;
}

/** Every integer of this schema stays below 2^53. */
const WHOLE_NUMBER = { to: 20, from: [20], parse: Number, serialize: String };

type Pool = postgres.Sql<{ bigint: number }>;

/** Never throws and never connects. */
export function connectStore(options: StoreOptions): Store {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const answerWithinMs = statementTimeoutMs + ANSWER_SLACK_MS;
  let pool = createPool(options, statementTimeoutMs);
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
    pool = createPool(options, statementTimeoutMs);
    void old.end({ timeout: RETIRE_SEC });
  };

  async function query<Row extends object>(statement: Statement, parameters: readonly Parameter[]): Promise<Row[]> {
    const asked = pool;
    try {
      const rows = await answered(asked.unsafe<Row[]>(statement, [...parameters], { prepare: true }), answerWithinMs);
      tell("ready");
      return [...rows];
    } catch (error) {
      if (error instanceof NoAnswer) retire(asked);
      // One that answers and refuses to write is there: `ready` would contradict it at every look.
      if (isOutOfReach(error)) tell("lost", detailOf(error));
      throw error;
    }
  }

  return {
    query,
    read: (subject, ...asked) => query<never>(...asked).catch((error: unknown) => refuse(error, subject, "read")),
    write: (subject, ...asked) => query<never>(...asked).catch((error: unknown) => refuse(error, subject, "changed")),
    trouble: async () => {
      const asked = pool;
      try {
        const [row] = await answered(asked.unsafe<ReadOnlyRow[]>(READ_ONLY, [], { prepare: true }), READY_WITHIN_MS);
        tell("ready");
        return row?.readOnly === "on" ? "Postgres is read-only: it refuses to write" : undefined;
      } catch (error) {
        tell("lost", detailOf(error));
        return "Postgres does not answer";
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

function createPool(options: StoreOptions, statementTimeoutMs: number): Pool {
  return postgres(options.url, {
    max: options.max,
    connect_timeout: CONNECT_TIMEOUT_SEC,
    // Attempts are spaced by whoever asks: a pool that waits by itself would keep a recovered Postgres waiting.
    backoff: () => 0,
    connection: {
      application_name: options.application,
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    },
    types: { bigint: WHOLE_NUMBER },
    // The driver (3.4.9) asks for array types on every new connection, and nobody catches that query's failure when the
    // connection is cut meanwhile: the process would end. So arrays go out as literals and come back as JSON.
    fetch_types: false,
    onnotice: () => undefined,
  });
}

/** One connection for the migrations, without a bound on statements. The caller ends it. */
export interface MigrationConnection {
  query<Row extends object>(statement: Statement, parameters?: readonly string[]): Promise<Row[]>;
  /** Files of any number of statements, all in one transaction. */
  script(...files: readonly Statement[]): Promise<void>;
  end(): Promise<void>;
}

export function connectForMigrations(url: string): MigrationConnection {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_SEC,
    connection: { application_name: "rookery-migrate" },
    types: { bigint: WHOLE_NUMBER },
    max_lifetime: null,
    onnotice: () => undefined,
  });
  return {
    query: async <Row extends object>(statement: Statement, parameters: readonly string[] = []) => [
      ...(await sql.unsafe<Row[]>(statement, [...parameters])),
    ],
    script: async (...files) => {
      // One message to Postgres is one transaction, whatever number of statements it holds.
      await sql.unsafe(files.join("\n;\n"));
    },
    end: () => sql.end({ timeout: CLOSE_SEC }),
  };
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

/** Short and without addresses or values. */
function detailOf(error: unknown): string {
  const code = codeOf(error);
  return code === "" ? "no answer" : code;
}
