// Notices that the program which started this process is gone, however it went: a killed one tells nobody. npm and npx put
// a shell between themselves and us that may live on. Called once by dev and by a foreground service.
// States: watching, told (once), ended. A shell that a person or a script works in is not watched: what was started with
// `&` outlives it.
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
 * The ids of this process's ancestors up to whoever answers for it: the program that started it directly, or shells and
 * then the npm behind them. Empty when a shell without npm started it, or nobody is left who did.
 */
export function startersOf(parentPid: number, look: Look = processEntry): readonly number[] {
  const chain: number[] = [];
  for (let pid = parentPid; pid > 1 && chain.length <= MAX_SHELLS;) {
    const entry = look(pid);
    if (entry === undefined) return [];
    chain.push(pid);
    // A shell's command line may name npm too, hence shells first.
    if (isShell(entry.command)) pid = entry.parentPid;
    else return chain.length === 1 || PACKAGE_RUNNER.test(entry.command) ? chain : [];
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
    // Nobody asks for the parent of the last one: whoever started it may leave.
    if (n < chain.length - 1) expected = look(pid)?.parentPid ?? 0;
  }
  return true;
}

/** Calls `onGone` once when a link of the chain is gone. Returns the way to end the watch. */
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
