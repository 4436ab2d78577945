// What can be told about processes of this machine by their ids: alive or not, and who started them. Used by the lock of
// a data folder, by the note of a running cluster and by the watch on whoever started `dev`. It never signals anything.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Whether a process exists. One that ended but was not collected yet counts as gone where that can be seen. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  return statOf(pid)?.state !== "Z";
}

export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** The command line, or what the process calls itself instead. */
  readonly command: string;
}

/** Undefined when there is no such process. */
export function processEntry(pid: number): ProcessEntry | undefined {
  return process.platform === "linux" ? entryFromProc(pid) : entryFromPs(pid);
}

/** A process id is used again some day; together with this mark it names one process. Empty where it cannot be known. */
export function startMark(pid: number): string {
  return statOf(pid)?.startedAt ?? "";
}

interface Stat {
  readonly state: string;
  readonly parentPid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks after boot, as text. */
  readonly startedAt: string;
}

function statOf(pid: number): Stat | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before the last `)` may hold spaces and parentheses; field 3 follows it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", parentPid: Number(fields[1]), startedAt: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

function entryFromProc(pid: number): ProcessEntry | undefined {
  const stat = statOf(pid);
  if (stat === undefined || stat.state === "Z") return undefined;
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return { pid, parentPid: stat.parentPid, command };
  } catch {
    return undefined;
  }
}

function entryFromPs(pid: number): ProcessEntry | undefined {
  try {
    const line = execFileSync("ps", ["-o", "ppid=,command=", "-p", String(pid)], { encoding: "utf8" }).trim();
    const [, parentPid, command] = /^(\d+)\s+([\s\S]*)$/.exec(line) ?? [];
    return { pid, parentPid: Number(parentPid), command: command ?? "" };
  } catch {
    return undefined;
  }
}
