// Owns one persister started by a test itself, so that it comes back as fast as it is killed: `dev --restart` waits longer
// after each death. Called by tests that kill persisters. States: starting, ready (it drains and said so), ended.
// Must never outlive the test: it is killed with it, and watches this process as its parent.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Cluster } from "@rookery/testkit";
import { onTestFinished } from "vitest";

const mainFile = fileURLToPath(new URL("../services/persister/dist/main.js", import.meta.url));
/** On two busy cores. */
const readyWithinMs = 20_000;
const keptBytes = 4_000;

export interface PersisterProcess {
  /** Base URL of the internal port. */
  readonly internal: string;
  /** Ends it at once; resolves when it is gone. Rejects when it had already ended by itself. */
  kill(): Promise<void>;
}

const portOf = (message: unknown): number | undefined =>
  typeof message === "object" &&
  message !== null &&
  "internalPort" in message &&
  typeof message.internalPort === "number"
    ? message.internalPort
    : undefined;

const untilReady = async (child: ChildProcess, said: () => string): Promise<number> => {
  const giveUp = AbortSignal.timeout(readyWithinMs);
  const ended = once(child, "close", { signal: giveUp }).then(() => "ended" as const);
  const told = once(child, "message", { signal: giveUp }).then(([message]: unknown[]) => portOf(message));
  told.catch(() => undefined);
  ended.catch(() => undefined);
  const first = await Promise.race([told, ended]).catch(() => "silent" as const);
  if (typeof first === "number") return first;
  throw new Error(`the persister was not ready (${String(first)}):\n${said()}`);
};

/** Starts a persister of the cluster and resolves when it drains. */
export async function startPersister(
  { ready }: Cluster,
  settings: Record<string, string> = {},
): Promise<PersisterProcess> {
  const env = {
    PATH: process.env["PATH"],
    ROOKERY_REDIS_URL: ready.redis,
    ROOKERY_POSTGRES_URL: ready.postgres,
    ROOKERY_INTERNAL_PORT: "0",
    ROOKERY_PARENT_PID: String(process.pid),
    ...settings,
  };
  const child = fork(mainFile, { env, execArgv: [], silent: true });
  const gone = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (part) => {
      said = `${said}${String(part)}`.slice(-keptBytes);
    });
  }
  const port = await untilReady(child, () => said);
  return {
    internal: `http://127.0.0.1:${port}`,
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`the persister had ended before it was killed:\n${said}`);
      }
      child.kill("SIGKILL");
      await gone;
    },
  };
}
