// Owns one edge started by a test itself, without `dev` around it: its environment, ports, log and end. Called by tests of
// what an edge does when it starts into trouble. States: starting, ready (it named its ports), ended.
// Must never outlive the test: it is stopped with it, and watches this process as its parent.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const mainFile = fileURLToPath(new URL("../services/edge/dist/main.js", import.meta.url));

/** It listens without its stores, after it has looked for them for some seconds. */
const readyWithinMs = 20_000;
const stopWithinMs = 10_000;

export interface EdgeProcess {
  ws: string;
  /** Base URL of the internal port. */
  internal: string;
  /** What it wrote to its log, as lines. */
  log: () => string[];
  signal: (name: NodeJS.Signals) => void;
}

export interface EdgeEnd {
  code: number | null;
  stderr: string;
  /** What it wrote, as lines. */
  log: string[];
}

type Ports = { port: number; internalPort: number };

const spawnEdge = (settings: Record<string, string>): ChildProcess => {
  const base = {
    PATH: process.env["PATH"],
    ROOKERY_PORT: "0",
    ROOKERY_INTERNAL_PORT: "0",
    ROOKERY_PARENT_PID: String(process.pid),
    UWS_HTTP_MAX_HEADERS_SIZE: "16384",
  };
  return spawn(process.execPath, [mainFile], {
    env: { ...base, ...settings },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
};

const linesOf = (child: ChildProcess): string[] => {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  return lines;
};

const isPorts = (message: unknown): message is Ports =>
  typeof message === "object" &&
  message !== null &&
  "port" in message &&
  typeof message.port === "number" &&
  "internalPort" in message &&
  typeof message.internalPort === "number";

const untilReady = (child: ChildProcess, lines: string[]): Promise<Ports> =>
  new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`the edge ${why}:\n${lines.slice(-20).join("\n")}`));
    const timer = setTimeout(() => fail(`was not ready within ${readyWithinMs} ms`), readyWithinMs);
    child.on("message", (message) => {
      if (!isPorts(message)) return;
      clearTimeout(timer);
      resolve(message);
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      fail(`ended with ${String(code)} before it was ready`);
    });
  });

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "close");
  child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
  await ended;
  clearTimeout(forced);
};

/** Starts an edge on free ports and resolves when it listens. It ends with the test. */
export const startEdge = (settings: Record<string, string>): Promise<EdgeProcess> =>
  launchEdge(settings, onTestFinished);

/** The same for an edge of several tests: `atEnd` is given what stops it before it is started. */
export const launchEdge = async (
  settings: Record<string, string>,
  atEnd: (stop: () => Promise<void>) => void,
): Promise<EdgeProcess> => {
  const child = spawnEdge(settings);
  atEnd(() => stop(child));
  const lines = linesOf(child);
  const { port, internalPort } = await untilReady(child, lines);
  return {
    ws: `ws://127.0.0.1:${port}/ws`,
    internal: `http://127.0.0.1:${internalPort}`,
    log: () => [...lines],
    signal: (name) => void child.kill(name),
  };
};

/** Runs an edge that is expected to end by itself, and resolves with its exit code and what it complained about. */
export const runEdge = async (settings: Record<string, string>): Promise<EdgeEnd> => {
  const child = spawnEdge(settings);
  onTestFinished(() => stop(child));
  const log = linesOf(child);
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (part) => {
    stderr += String(part);
  });
  await once(child, "close");
  return { code: child.exitCode, stderr, log };
};
