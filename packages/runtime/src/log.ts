// The log of a process: one JSON line an event on standard output, levels as words, nothing pretty. Made once per process;
// everybody logs through it. It must never carry a token, a key, a password or a message body.
import { pino } from "pino";
import type { Logger, LoggerOptions } from "pino";

export type Log = Logger;

export interface LogOptions {
  readonly service: string;
  /** The id under which the process speaks at the moment, such as `edge-1.k3f9`. */
  node(this: void): string;
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

/**
 * Writes through Node's own standard output, which is synchronous for files and pipes on POSIX: a line that announces the
 * end of the process is out before the process is. Pino's own destination retries a broken pipe for ever when it flushes
 * at exit (sonic-boom 4, seen with strace), which kept a process alive whose launcher had been killed.
 */
export function createLog({ service, node, level, destination }: LogOptions): Log {
  const options: LoggerOptions = {
    level,
    base: { service },
    mixin: () => ({ node: node() }),
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: HIDDEN_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: "[redacted]" },
    hooks: { streamWrite: (line) => line.replace(SECRET_TEXT, "[redacted]") },
  };
  if (destination !== undefined) return pino(options, destination);
  if (!process.stdout.listeners("error").includes(nobodyReads)) process.stdout.on("error", nobodyReads);
  return pino(options, process.stdout);
}

/** Whoever read this output has gone: nothing that is left to say can be heard, and the process has better things to do. */
function nobodyReads(): void {
  // Deliberately nothing: without a listener a broken pipe would be a fault that ends the process.
}
