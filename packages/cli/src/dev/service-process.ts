// One service of ours as a child process: spawned into a process group of its own, ready when it says so and its /readyz
// answers 200. Called by dev through slot.ts. What it waits for meanwhile is told in its name.
// States: spawned, announced (ready message came), answering, ended. After the end was seen its id is never signalled.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { followWords } from "./child-words.ts";
import { lastLinesOf } from "./log-file.ts";
import { endText, LAST_LINES, silentText, StartFailure } from "./member.ts";
import type { Ending, Member } from "./member.ts";
import { untilReady } from "./readiness.ts";
import { STARTS_WITHIN_MS } from "./waiting.ts";

export interface ServiceSpec {
  readonly name: string;
  /** The script that node runs. */
  readonly main: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  /** After this long a stopping child is killed with all it started. */
  readonly graceMs: number;
  /** Hears what keeps it from answering, as soon as that is known. */
  readonly say: (line: string) => void;
  readonly withinMs?: number;
}

/** Where a child listens, as its ready message tells; the public port is missing where it has none. */
export interface ServicePorts {
  readonly port?: number;
  readonly internalPort: number;
}

export interface ServiceMember extends Member {
  readonly ports: ServicePorts;
}

/**
 * Resolves once the service answers. Rejects with a `StartFailure` and its last lines when it ends before, or does not
 * answer within a minute: on a loaded machine five processes that start at once take a while. It is killed then.
 */
export async function startService(spec: ServiceSpec, starting: AbortSignal): Promise<ServiceMember> {
  const { name, logFile, say } = spec;
  // From before its first word.
  const words = await followWords(logFile, (text) => say(`${name}: ${text}`));
  try {
    const process = await spawnService(spec);
    return await answering(process, spec, starting);
  } finally {
    await words.end();
  }
}

async function answering(process: Spawned, spec: ServiceSpec, starting: AbortSignal): Promise<ServiceMember> {
  const { name, say, withinMs = STARTS_WITHIN_MS } = spec;
  const over = new AbortController();
  const lost = Promise.race([process.failure, late(withinMs, process, starting, over.signal)]);
  try {
    const ports = await Promise.race([announced(process), lost]);
    const internal = `http://127.0.0.1:${ports.internalPort}`;
    const unready = (why: string): void => say(`${name} is not ready: ${why}`);
    await Promise.race([untilReady(internal, unready, over.signal), lost]);
    return { ...process, ports, internal };
  } catch (error) {
    process.kill();
    await process.ended;
    throw error;
  } finally {
    over.abort();
  }
}

interface Spawned extends Member {
  readonly name: string;
  readonly child: ChildProcess;
  /** Rejects when the process ends. */
  readonly failure: Promise<never>;
}

async function spawnService({ name, main, env, logFile, graceMs }: ServiceSpec): Promise<Spawned> {
  const log = await open(logFile, "a");
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [main], {
      env,
      detached: true,
      stdio: ["ignore", log.fd, log.fd, "ipc"],
    });
    await once(child, "spawn");
  } finally {
    await log.close();
  }
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} could not be started`);
  let isOver = false;
  const ended = new Promise<Ending>((resolve) => {
    child.once("exit", (code, signal) => {
      isOver = true;
      resolve({ code, signal });
    });
  });
  const lastLines = (): Promise<readonly string[]> => lastLinesOf(logFile, LAST_LINES);
  const failure = ended.then(async (ending) => {
    throw new StartFailure(endText(name, ending, await lastLines()), ending.code);
  });
  failure.catch(() => undefined);
  const kill = (): void => {
    if (!isOver) killGroup(pid);
  };
  const stop = async (): Promise<void> => {
    if (!isOver) child.kill("SIGTERM");
    const forced = setTimeout(kill, graceMs);
    await ended;
    clearTimeout(forced);
  };
  return { name, pid, child, ended, failure, lastLines, stop, kill };
}

/** The child leads its group, so this reaches whatever it started. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It ended a moment ago and its exit has not been told yet.
  }
}

function announced({ child }: Spawned): Promise<ServicePorts> {
  return new Promise((resolve) => {
    child.on("message", (heard) => {
      if (isReadyMessage(heard)) resolve(heard);
    });
  });
}

function isReadyMessage(heard: unknown): heard is ServicePorts {
  if (typeof heard !== "object" || heard === null || !("ready" in heard) || !("internalPort" in heard)) return false;
  return heard.ready === true && typeof heard.internalPort === "number";
}

/** Rejects when the time is up, or when starting is given up; never settles once the start is over. */
async function late(withinMs: number, process: Spawned, starting: AbortSignal, over: AbortSignal): Promise<never> {
  const signal = AbortSignal.any([starting, over]);
  const isUp = await delay(withinMs, true, { signal, ref: false }).catch(() => false);
  if (over.aborted) return new Promise(() => undefined);
  if (!isUp) throw new Error("stopped while starting");
  throw new StartFailure(silentText(process.name, withinMs, await process.lastLines()), null);
}
