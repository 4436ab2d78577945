// What a command sees of the world it was called in, the exit codes it may end with, and the error of a wrong command line.
// Built once by main; tests build their own. Nothing here knows a command.

import type { Readable } from "node:stream";

/** A terminal that can be drawn on. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  write(text: string): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

/** Where lines come from. */
export interface Entry {
  readonly input: Readable;
  /** Where a person enters them and sees what comes of it; undefined behind a pipe or a file on either side. */
  readonly screen: Screen | undefined;
}

/** Lines out, lines of trouble, and where and how the command was called. */
export interface Io {
  /** One line on standard output: results only, so that `--json` can be piped. */
  readonly out: (line: string) => void;
  /** One line on standard error: progress, warnings, failures. */
  readonly err: (line: string) => void;
  /** Resolves when nobody reads standard output any more, or nothing more can be written to it. */
  readonly outClosed: () => Promise<void>;
  /** Resolves once all of `out` is written: to the reason when some could not be. A reader that left is no reason. */
  readonly outFlushed: () => Promise<string | undefined>;
  /** For commands that read: nobody else touches standard input. */
  readonly entry: () => Entry;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tells main what to exit with; 0 when a command never calls it. */
  readonly exitWith: (code: number) => void;
}

/** 78 is EX_CONFIG of sysexits.h: a supervisor can tell that starting again will not help. */
export const EXIT = { done: 0, failed: 1, usage: 2, config: 78 } as const;

/** The command line itself is wrong: exit 2. */
export class UsageError extends Error {}

/**
 * The text of whatever was thrown, for one line of output, with the reason behind it: `fetch` says only "fetch failed", and
 * a name with several addresses fails with a list and no text of its own.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const listed = error instanceof AggregateError ? error.errors.map((each) => messageOf(each)).join("; ") : "";
  const own = error.message === "" ? listed : error.message;
  const because = error.cause === undefined ? "" : messageOf(error.cause);
  if (own === "") return because === "" ? error.name : because;
  return own.includes(because) ? own : `${own}: ${because}`;
}
