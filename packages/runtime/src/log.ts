// The log of a process: one JSON line an event on standard output, levels as words, nothing pretty. Made once per process;
// everybody logs through it. It must never carry a token, a key, a password or a message body.
import { pino } from "pino";
import type { Logger, LoggerOptions } from "pino";

export type Log = Logger;

export interface LogOptions {
  readonly service: string;
  /** The id of this run of the process, such as `edge-1.k3f9`. */
  readonly node: string;
  readonly level: string;
  /** Where lines go; standard output when absent. */
  readonly destination?: { write(line: string): void } | undefined;
}

/** Fields whose whole value is left out, at the top and one level down. */
const HIDDEN_FIELDS = [
  "authorization",
  "cookie",
  "token",
  "jwt",
  "secret",
  "password",
  "apiKey",
  "refreshToken",
  "ticket",
  "body",
];

/**
 * What gives a secret away wherever it stands in a line, inside error texts too: JWTs, API keys, the user info of an
 * address.
 */
const SECRET_TEXT = /eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\brk_[\w-]{20,}|(?<=\w:\/\/)[^\s/"@]*:[^\s"]*@/g;

/** Writes synchronously: a line that announces the end of the process is out before the process is. */
export function createLog({ service, node, level, destination }: LogOptions): Log {
  const options: LoggerOptions = {
    level,
    base: { service, node },
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: HIDDEN_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" },
    hooks: { streamWrite: (line) => line.replace(SECRET_TEXT, "[redacted]") },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
