// What a process has cost so far, from /proc (Linux): CPU seconds, user and system, and resident memory.

import { readdirSync, readFileSync } from "node:fs";

/** Kernel clock ticks a second in /proc/<pid>/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SEC = 100;

/** Of all threads, in nanoseconds of the scheduler: ticks of 10 ms would be some percent of a short round. */
export function cpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const nanoseconds = tasks.map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e9;
}

/**
 * The command may hold spaces; fields are counted from behind its closing parenthesis: the parent is the 2nd, utime the
 * 12th, stime the 13th, and those of ended children the 14th and 15th.
 */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Of a process, of those it has started and of those of them that have ended: a Postgres with its connections. */
export function familyCpuSeconds(pid: number): number {
  const own = statOf(pid);
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === pid);
  return cpuSeconds(pid) + (Number(own[13]) + Number(own[14])) / TICKS_PER_SEC + children.reduce(added, 0);
}

/** One that ends meanwhile is counted by its parent the next time. */
function added(sum: number, pid: string): number {
  try {
    return sum + cpuSeconds(Number(pid));
  } catch {
    return sum;
  }
}

function parentOf(pid: number): number | undefined {
  try {
    return Number(statOf(pid)[1]);
  } catch {
    return undefined;
  }
}

export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? 0) * 1024;
}
