// What `dev` knows of anything it runs, be it a service of ours or a server: the seam between starting (service-process.ts,
// backing-server.ts) and keeping (slot.ts). Types, and how an end is put into words.

/** How a process ended, as Node reports it. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that answers. */
export interface Member {
  readonly pid: number;
  /** Origin of the internal port, for services. */
  readonly internal?: string;
  /** Resolves when the process is gone, for whatever reason; never rejects. */
  readonly ended: Promise<Ending>;
  /** What it said last, oldest first. */
  lastLines(): Promise<readonly string[]>;
  /** Asks it to end and waits, by force after its grace. Safe to call again, and after its end. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): void;
}

/** Starts one process and resolves once it answers; rejects with what it said last when it ends before. */
export type StartMember = (starting: AbortSignal) => Promise<Member>;

/** A process that did not answer or ended before. `code` tells a wrong setting (78) from the rest. */
export class StartFailure extends Error {
  readonly code: number | null;

  constructor(message: string, code: number | null) {
    super(message);
    this.code = code;
  }
}

export const LAST_LINES = 20;

/** `edge-2 ended with signal SIGKILL; its last lines: ...` */
export function endText(name: string, { code, signal }: Ending, lines: readonly string[]): string {
  const how = signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
  return withLastLines(`${name} ended with ${how}`, lines);
}

/** `edge-2 does not answer after 60 s; its last lines: ...` */
export function silentText(name: string, afterMs: number, lines: readonly string[]): string {
  return withLastLines(`${name} does not answer after ${afterMs / 1000} s`, lines);
}

function withLastLines(what: string, lines: readonly string[]): string {
  if (lines.length === 0) return `${what}; it said nothing`;
  return `${what}; its last lines:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}
