// Notices that the npm or npx which started this process is gone, however it went: a killed one tells nobody, and between
// it and us there may be a shell that lives on. Called once by dev and by a foreground service.
// States: watching, told (once), ended. A start by anything else than npm is not watched: leaving a shell stops nothing.
import { basename } from "node:path";
import { processEntry } from "../process-table.ts";
import type { ProcessEntry } from "../process-table.ts";

const POLL_MS = 300;
/** npm runs a script by a shell; more than a few of them in between are somebody's own construction. */
const MAX_SHELLS = 4;

const SHELLS = new Set(["sh", "bash", "dash", "ash", "zsh", "ksh"]);
/** npm names its process after what it does (`npm exec rookery dev`); others show the script that node runs. */
const PACKAGE_RUNNER = /^(npm|npx)( |$)|(^|\/)(npm|npx|pnpm|yarn)(-cli)?(\.c?js)?( |$)/;

type Look = (pid: number) => ProcessEntry | undefined;

/**
 * The ids of this process's ancestors up to the npm that started it: shells, then npm itself. Empty when something else
 * started it.
 */
export function startersOf(parentPid: number, look: Look = processEntry): readonly number[] {
  const chain: number[] = [];
  for (let pid = parentPid; pid > 1 && chain.length <= MAX_SHELLS;) {
    const entry = look(pid);
    if (entry === undefined) return [];
    chain.push(pid);
    // A shell's command line may name npm too, hence shells first.
    if (isShell(entry.command)) pid = entry.parentPid;
    else return PACKAGE_RUNNER.test(entry.command) ? chain : [];
  }
  return [];
}

/**
 * Whether every link still holds: each of the chain has the next one as its parent. A process whose parent ends is given
 * another one at once, even while the ended parent waits to be collected, so ids alone would tell too late.
 */
export function isChainWhole(chain: readonly number[], parentPid: number, look: Look = processEntry): boolean {
  let expected = parentPid;
  for (const [n, pid] of chain.entries()) {
    if (pid !== expected) return false;
    // Nobody asks for the parent of the last one: whoever started npm may leave.
    if (n < chain.length - 1) expected = look(pid)?.parentPid ?? 0;
  }
  return true;
}

/** Calls `onGone` once when npm is gone. Returns the way to end the watch. */
export function watchStarter(onGone: () => void): () => void {
  const chain = startersOf(process.ppid);
  if (chain.length === 0) return () => undefined;
  const timer = setInterval(() => {
    if (isChainWhole(chain, process.ppid)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function isShell(command: string): boolean {
  return SHELLS.has(basename(command.split(" ", 1)[0] ?? "").replace(/^-/, ""));
}
