// Owns one service of any kind and build started by a test itself, with settings that no other process shares: `dev` gives all of
// its processes the same. Called by role-cluster.ts, by deploy/service-processes.ts and by tests of what each kind may do.
// States: starting, listening (it named its ports), ready (where that is waited for), ended. Must never outlive the test: `atEnd` is given what stops it before it is
// started, and it watches this process as its parent.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type ServiceKind = "edge" | "api" | "persister";

export interface ServiceProcess {
  readonly pid: number;
  /** 0 where it has no public port. */
  readonly port: number;
  /** Base URL of the internal port. */
  readonly internal: string;
  /** What it wrote, as lines. */
  log(this: void): string[];
  signal(this: void, name: NodeJS.Signals): void;
  /** Ends it in order, or by force where that takes too long; resolves as `ended` does. */
  end(this: void): Promise<number | null>;
  /** Resolves with its exit code, null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

export interface ServiceStart {
  readonly kind: ServiceKind;
  /** The folder of its build; this one's unless told. */
  readonly root?: string;
  /** All of its environment, but for its ports and its parent. */
  readonly settings: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  atEnd(this: void, stop: () => Promise<void>): void;
}

/** On two busy cores; a store that is away is waited for. */
const READY_WITHIN_MS = 40_000;
/** Above the drain of an edge. */
const STOP_WITHIN_MS = 30_000;
const THIS_BUILD = fileURLToPath(new URL("..", import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly ended: Promise<number | null>;
  end(this: void): Promise<number | null>;
}

function spawnService({ kind, root = THIS_BUILD, settings, args = [], atEnd }: ServiceStart): Started {
  const main = join(root, "services", kind, "dist/main.js");
  const env = {
    PATH: process.env["PATH"],
    ROOKERY_INTERNAL_PORT: "0",
    ROOKERY_PARENT_PID: String(process.pid),
    ...(kind === "persister" ? {} : { ROOKERY_PORT: "0" }),
    ...(kind === "edge" ? { UWS_HTTP_MAX_HEADERS_SIZE: "16384" } : {}),
    ...settings,
  };
  const child = fork(main, args, { env, execArgv: [], silent: true });
  const ended = once(child, "close").then(() => child.exitCode);
  const end = async (): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return ended;
    child.kill("SIGTERM");
    child.kill("SIGCONT");
    const forced = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
    return ended.finally(() => clearTimeout(forced));
  };
  atEnd(async () => void (await end()));
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  return { child, lines, ended, end };
}

const portsOf = (message: unknown): { port: number; internalPort: number } | undefined => {
  if (typeof message !== "object" || message === null || !("internalPort" in message)) return undefined;
  const port = "port" in message ? Number(message.port) : 0;
  return { port, internalPort: Number(message.internalPort) };
};

/** Why it does not come, with the end of its log. */
const failure = (kind: ServiceKind, why: string, lines: readonly string[]): Error =>
  new Error(`the ${kind} ${why}:\n${lines.slice(-20).join("\n")}`);

/** Resolves once it has named its ports, whatever `/readyz` says then. Rejects with the end of its log where it ends before. */
export async function startListening(
  start: ServiceStart,
  giveUp = AbortSignal.timeout(READY_WITHIN_MS),
): Promise<ServiceProcess> {
  const { child, lines, ended, end } = spawnService(start);
  const failed = (why: string): Error => failure(start.kind, why, lines);
  const ports = await Promise.race([
    once(child, "message", { signal: giveUp }).then(([message]: unknown[]) => portsOf(message)),
    ended.then((code) => Promise.reject(failed(`ended with ${String(code)} before it was ready`))),
  ]).catch((error: unknown) => Promise.reject(giveUp.aborted ? failed("was not ready in time") : error));
  if (ports === undefined) throw failed("named no ports");
  return {
    ...{ pid: child.pid ?? 0, port: ports.port, internal: `http://127.0.0.1:${ports.internalPort}`, ended, end },
    log: () => [...lines],
    signal: (name) => void child.kill(name),
  };
}

/** Resolves once it is ready to serve: it has named its ports, and `/readyz` answers 200. */
export async function startService(start: ServiceStart): Promise<ServiceProcess> {
  const giveUp = AbortSignal.timeout(READY_WITHIN_MS);
  const service = await startListening(start, giveUp);
  let hasEnded = false;
  void service.ended.then(() => (hasEnded = true));
  const isReady = async (): Promise<boolean> => {
    const headers = { connection: "close" };
    const answer = await fetch(`${service.internal}/readyz`, { headers }).catch(() => undefined);
    await answer?.text();
    return answer?.status === 200;
  };
  while (!(await isReady())) {
    if (giveUp.aborted || hasEnded) throw failure(start.kind, "was not ready in time", service.log());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return service;
}

/** One that is expected to end, or to wait without becoming ready. */
export function spawnUnready(start: ServiceStart): Pick<ServiceProcess, "log" | "ended"> {
  const { lines, ended } = spawnService(start);
  return { log: () => [...lines], ended };
}
