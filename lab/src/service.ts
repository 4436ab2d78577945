// Owns one process of ours in a cluster of the lab: its environment, ports, log, death and return. Called by world.ts.
// States: absent, starting, running, dead. Brought back it listens where it did before. It watches the lab as its parent,
// so that none outlives a lab that was killed.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { parseMetrics } from "@rookery/testkit";
import { lastingPort } from "./lasting-port.ts";

export type ServiceKind = "edge" | "api" | "persister";

export interface ServiceOptions {
  readonly name: string;
  readonly kind: ServiceKind;
  /** The script that node runs. */
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
}

export interface Ports {
  /** A persister has none, and leaves it alone. */
  readonly port: number;
  readonly internalPort: number;
}

export interface Service {
  readonly name: string;
  readonly kind: ServiceKind;
  readonly ports: Ports;
  isRunning(): boolean;
  /** Starts it, or starts it again. Resolves once it listens. */
  start(more?: Readonly<Record<string, string>>): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Ends it at once; resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it in order, by force after a grace; resolves to its exit code, null when it had to be forced. */
  stop(): Promise<number | null>;
  /** What it tells about itself, by series; nothing while it does not answer. */
  metrics(): Promise<Map<string, number>>;
  /** The status of its readiness, 0 while it does not answer. */
  readiness(): Promise<number>;
}

/** On two busy cores. */
const READY_WITHIN_MS = 60_000;
/** Above the window of a drain. */
const STOPS_WITHIN_MS = 20_000;
const ANSWERS_WITHIN_MS = 3_000;

const saysReady = (message: unknown): boolean =>
  typeof message === "object" && message !== null && "ready" in message && message.ready === true;

export async function createService({ name, kind, main, env, logFile }: ServiceOptions): Promise<Service> {
  const ports: Ports = { port: await lastingPort(), internalPort: await lastingPort() };
  let child: ChildProcess | undefined;
  let gone: Promise<unknown> = Promise.resolve();
  const isRunning = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;

  const start: Service["start"] = async (more = {}) => {
    const born = spawn(process.execPath, [main], {
      env: {
        ...{ PATH: process.env["PATH"], ...env, ...more },
        ROOKERY_NODE_NAME: name,
        ROOKERY_PARENT_PID: String(process.pid),
        ROOKERY_PORT: String(ports.port),
        ROOKERY_INTERNAL_PORT: String(ports.internalPort),
      },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    child = born;
    gone = once(born, "close");
    const log = createWriteStream(logFile, { flags: "a" });
    for (const stream of [born.stdout, born.stderr]) stream?.pipe(log, { end: false });
    born.once("close", () => log.end());
    await announced(born, name, logFile);
  };

  const stop = async (): Promise<number | null> => {
    if (!isRunning()) return null;
    child?.kill("SIGTERM");
    const forced = setTimeout(() => child?.kill("SIGKILL"), STOPS_WITHIN_MS);
    await gone;
    clearTimeout(forced);
    return child?.exitCode ?? null;
  };

  const internal = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${ports.internalPort}${path}`, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });

  return {
    name,
    kind,
    isRunning,
    start,
    stop,
    ports,
    signal: (signal) => void child?.kill(signal),
    kill: async () => {
      child?.kill("SIGKILL");
      await gone;
    },
    metrics: async () => {
      try {
        return parseMetrics(await (await internal("/metrics")).text());
      } catch {
        return new Map();
      }
    },
    readiness: async () => {
      try {
        const answer = await internal("/readyz");
        await answer.arrayBuffer();
        return answer.status;
      } catch {
        return 0;
      }
    },
  };
}

function announced(child: ChildProcess, name: string, logFile: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${name} ${why}; its log is ${logFile}`));
    const timer = setTimeout(() => fail(`was not ready within ${READY_WITHIN_MS} ms`), READY_WITHIN_MS);
    child.on("message", (message) => {
      if (!saysReady(message)) return;
      clearTimeout(timer);
      resolve();
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      fail(`ended with ${String(code)} before it was ready`);
    });
  });
}
