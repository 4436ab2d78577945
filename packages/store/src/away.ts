// Judges what a failed query says about Postgres and about the data, in two tables and nowhere else.
// Used by the store itself and by the persister. Pure.
import { ChatError } from "@rookery/protocol";

/**
 * SQLSTATE classes and codes that say something about the server and nothing about the data
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const AWAY_STATES: readonly RegExp[] = [
  /^08/, // connection
  /^25006$/, // read only: a standby, or a primary that was demoted
  /^25P0[34]$/, // idle in a transaction, or a transaction that took too long
  /^28/, // not let in
  /^3D000$/, // the database is not there
  /^53/, // disk full, memory, too many connections
  /^55P03$/, // a lock that another holds
  /^57/, // shut down, starting up, cancelled by a timeout
  /^58/, // input or output
  /^XX/, // internal, data corrupted
];

/** What the driver and the network say while there is no server to answer. */
const AWAY_CODES: ReadonlySet<string> = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "NO_ANSWER",
  "ECONNREFUSED",
  "ECONNRESET",
  "EACCES",
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNABORTED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EMFILE",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPERM",
  "EPIPE",
  "ETIMEDOUT",
  "SASL_SIGNATURE_MISMATCH",
  "UNFIT_SCHEMA",
]);

/** A server whose certificate is not the right one, or with which no TLS comes about: certificates are renewed. */
const TLS_CODES =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE))/;

/** No answer came to a question that was, or may have been, under way: a statement may be committed all the same. */
const UNANSWERED: ReadonlySet<string> = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "NO_ANSWER",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Postgres answers and will not write: a standby or a primary that was demoted, a full disk, no memory. */
const REFUSED_WRITES: ReadonlySet<string> = new Set(["25006", "53100", "53200"]);

/** A deadlock, or two transactions that cannot be put in an order: the same transaction may succeed the next time. */
const REPEATABLE_STATES: ReadonlySet<string> = new Set(["40P01", "40001"]);

/** The data itself: not a value of its type (a NUL in a text), against a constraint, too long for an index. */
const REFUSED_DATA = /^(22|23|54)/;

/** No answer of Postgres within the time of the store: nothing is known about what became of the query. */
export class NoAnswer extends Error {
  readonly code = "NO_ANSWER";

  constructor(afterMs: number) {
    super(`Postgres did not answer within ${afterMs} ms`);
    this.name = "NoAnswer";
  }
}

/** True when Postgres is out of reach, shutting down, read-only or full: the same query will be right later. */
export function isAway(error: unknown): boolean {
  if (error instanceof ChatError) return error.code === "unavailable";
  const code = codeOf(error);
  return (
    AWAY_CODES.has(code) || TLS_CODES.test(code) || (isState(code) && AWAY_STATES.some((state) => state.test(code)))
  );
}

/** True when Postgres is out of reach, as against one that answers and refuses to write for the time being. */
export function isOutOfReach(error: unknown): boolean {
  return isAway(error) && !isRefusedWrite(error);
}

/** True when what was asked may have been done, or may yet be: nobody can say that nothing happened. */
export function isUnanswered(error: unknown): boolean {
  const isOfConnecting = error instanceof Error && "syscall" in error && error.syscall === "connect";
  return UNANSWERED.has(codeOf(error)) && !isOfConnecting;
}

/** True when Postgres answers and refuses to write for the time being. */
export function isRefusedWrite(error: unknown): boolean {
  return REFUSED_WRITES.has(codeOf(error));
}

/** True when a repeat of the whole transaction may succeed at once. */
export function isRepeatable(error: unknown): boolean {
  return REPEATABLE_STATES.has(codeOf(error));
}

/** True when Postgres refused the data: a repeat will be refused as well. */
export function isRefusedData(error: unknown): boolean {
  const code = codeOf(error);
  return isState(code) && REFUSED_DATA.test(code);
}

/** True when what was to be inserted is there, or something else with its key. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === "23505";
}

/** SQLSTATE, or the code of the driver or the system; "" when there is none. */
export function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null || !("code" in error)) return "";
  return typeof error.code === "string" ? error.code : "";
}

function isState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code);
}
