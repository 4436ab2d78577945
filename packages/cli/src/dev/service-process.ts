// One service of ours as a child process: spawned into a process group of its own, ready when it says so and its /readyz
// answers 200. Called by dev through slot.ts.
// States: spawned, announced (ready message came), answering, ended. After the end was seen its id is never signalled.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { lastLinesOf } from "./log-file.ts";
import { endText, LAST_LINES, StartFailure } from "./member.ts";
import type { Ending, Member } from "./member.ts";

export interface ServiceSpec {
  readonly name: string;
  /** The script that node runs. */
  readonly main: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  /** After this long a stopping child is killed with all it started. */
  readonly graceMs: number;
}

/** Where a child listens, as its ready message tells; the public port is missing where it has none. */
export interface ServicePorts {
  readonly port?: number;
  readonly internalPort: number;
}

export interface ServiceMember extends Member {
  readonly ports: ServicePorts;
}

/** On a loaded machine five processes that start at once take a while. */
const ANSWERS_WITHIN_MS = 60_000;
const POLL_MS = 25;
const PROBE_WITHIN_MS = 2000;

/** Resolves once the service answers. Rejects with a `StartFailure` when it ends before, and kills it when it never does. */
export async function startService(spec: ServiceSpec, starting: AbortSignal): Promise<ServiceMember> {
  const process = await spawnService(spec);
  try {
    const ports = await announced(process, starting);
    const internal = `http://127.0.0.1:${ports.internalPort}`;
    await untilAnswering(`${internal}/readyz`, process, starting);
    return { ...process, ports, internal };
  } catch (error) {
    process.kill();
    await process.ended;
    throw error;
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

async function announced({ name, child, failure }: Spawned, starting: AbortSignal): Promise<ServicePorts> {
  const message = new Promise<ServicePorts>((resolve) => {
    child.on("message", (heard) => {
      if (isReadyMessage(heard)) resolve(heard);
    });
  });
  return Promise.race([message, failure, deadline(`${name} did not announce itself`, starting)]);
}

function isReadyMessage(heard: unknown): heard is ServicePorts {
  if (typeof heard !== "object" || heard === null || !("ready" in heard) || !("internalPort" in heard)) return false;
  return heard.ready === true && typeof heard.internalPort === "number";
}

async function untilAnswering(url: string, { name, failure }: Spawned, starting: AbortSignal): Promise<void> {
  const until = new AbortController();
  try {
    await Promise.race([
      pollUntilOk(url, until.signal),
      failure,
      deadline(`${name} does not answer 200 on ${url}`, starting),
    ]);
  } finally {
    until.abort();
  }
}

async function pollUntilOk(url: string, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    const signal = AbortSignal.any([until, AbortSignal.timeout(PROBE_WITHIN_MS)]);
    const status = await fetch(url, { signal }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      () => 0,
    );
    if (status === 200) return;
    await delay(POLL_MS);
  }
}

/** Rejects when the time is up, or when starting is given up. */
async function deadline(complaint: string, starting: AbortSignal): Promise<never> {
  await delay(ANSWERS_WITHIN_MS, undefined, { signal: starting, ref: false }).catch(() => {
    throw new Error("stopped while starting");
  });
  throw new Error(`${complaint} within ${ANSWERS_WITHIN_MS / 1000} s`);
}
