// What the tests of the launcher stand on: a `dev` in a process of its own, with small services in place of the real ones
// or with everything real, and ways to see what it left behind. Every process and folder made here ends with its test.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import type { ReadyLine } from "../cluster-file.ts";
import { isAlive } from "../process-table.ts";
import type { DevOptions } from "./run-dev.ts";

export const BIN = new URL("../../bin/rookery.js", import.meta.url).pathname;
export const REPOSITORY = new URL("../../../..", import.meta.url).pathname;
const RUN_DEV = new URL("../../dist/dev/run-dev.js", import.meta.url).href;
const NODE = new URL("../../../node/dist/index.js", import.meta.url).href;
const RUNTIME = new URL("../../../runtime/dist/index.js", import.meta.url).href;

/** A service that serves nothing: settings, health, ready message, graceful stop and parent watch are the real ones. */
const serviceScript = (kind: string): string => `
import { runNode } from ${JSON.stringify(NODE)};
import { startInternalServer } from ${JSON.stringify(RUNTIME)};
await runNode(${JSON.stringify(kind)}, async (context) => {
  const { settings, log, metrics } = context;
  const is = (fixture) => process.env[fixture] === settings.nodeName;
  if (is("FIXTURE_BREAK")) throw new Error("the fixture is told to break");
  const checks = is("FIXTURE_UNREADY") ? [{ name: "redis", check: async () => "Redis does not answer" }] : [];
  const internal = await startInternalServer({ host: "127.0.0.1", port: settings.internalPort, checks, metrics, log });
  context.onStop("internal", () => internal.close());
  if (is("FIXTURE_HANG")) process.on("SIGTERM", () => { for (;;); });
  if (is("FIXTURE_WAIT")) {
    log.warn({ reason: "it does not answer" }, "this " + settings.nodeName + " waits for Redis");
    await new Promise(() => {});
  }
  const ports = settings.port === undefined ? {} : { port: settings.port };
  context.announceReady({ ...ports, internalPort: internal.port });
});`;

const devScript = `
import { join } from "node:path";
import { runDev } from ${JSON.stringify(RUN_DEV)};
const io = { out: console.log, err: console.error, outFlushed: async () => process.env.FIXTURE_LOST, cwd: process.cwd(), env: process.env };
const parts = { mainOf: (kind) => join(import.meta.dirname, kind + ".mjs"), migrate: async () => [], reachRedis: async () => {} };
process.exit(await runDev(JSON.parse(process.argv[2]), io, parts));`;

/** Addresses of nobody: the small services connect to nothing. */
const NOBODY = { redisUrl: "redis://127.0.0.1:1", postgresUrl: "postgres://rookery@127.0.0.1:1/rookery" };
/** A first start makes a database, on a machine that others use too. */
const READY_WITHIN_MS = 90_000;
const OPTIONS: DevOptions = {
  ...NOBODY,
  edges: 2,
  persisters: 1,
  port: 0,
  ephemeral: true,
  data: undefined,
  redis: undefined,
  restart: false,
  set: {},
  json: true,
};

/** What ends with its owner, a test or a whole file. */
type AtEnd = (end: () => Promise<void>) => void;
const atEndOfTest: AtEnd = (end) => onTestFinished(end);

/** A folder that is gone after the test. */
export async function temporaryFolder(atEnd: AtEnd = atEndOfTest): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rookery-cli-test-"));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  // Postgres runs as another user where this one is root, and must be able to enter.
  await chmod(folder, 0o755);
  return folder;
}

export interface OutsideTest {
  readonly dev: Launched;
  readonly cwd: string;
  end(): Promise<void>;
}

/** A `rookery` in a folder of its own that several tests share; ended by whoever asked for it. */
export async function startOutsideTest(args: readonly string[]): Promise<OutsideTest> {
  const ends: (() => Promise<void>)[] = [];
  const atEnd: AtEnd = (end) => void ends.unshift(end);
  const cwd = await temporaryFolder(atEnd);
  const dev = launch(process.execPath, [BIN, ...args], cwd, { TMPDIR: cwd }, atEnd);
  const end = async (): Promise<void> => {
    for (const each of ends) await each();
  };
  return { dev, cwd, end };
}

export interface Launched {
  readonly child: ChildProcess;
  /** What came on standard output so far, by line. */
  readonly out: readonly string[];
  readonly err: readonly string[];
  /** The ready line; rejects with what was said when there is none. */
  ready(): Promise<ReadyLine>;
  /** Exit code, or the name of the signal. */
  readonly ended: Promise<number | string>;
}

/** Runs any command line; told to stop at the end, and killed if it does not. */
export function launch(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
  atEnd: AtEnd = atEndOfTest,
): Launched {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  // `close` also waits for whatever inherited the streams, which a leak of ours would keep open for good.
  const gone = once(child, "exit");
  const ended = once(child, "close").then(([code, signal]: unknown[]) =>
    typeof code === "number" ? code : String(signal),
  );
  atEnd(async () => {
    // In order first: `dev` cleans up after itself, a killed one leaves that to others.
    child.kill("SIGTERM");
    const forced = setTimeout(() => child.kill("SIGKILL"), 30_000);
    await gone;
    clearTimeout(forced);
  });
  const out = linesOf(child.stdout);
  const err = linesOf(child.stderr);
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const ready = async (): Promise<ReadyLine> => {
    await until("the ready line", () => out.length > 0 || isOver, READY_WITHIN_MS);
    const line: ReadyLine | null = JSON.parse(out[0] ?? "null");
    if (line === null) throw new Error(`it ended before it was ready:\n${err.join("\n")}`);
    return line;
  };
  return { child, out, err, ready, ended };
}

/** Fills while the stream lasts. */
function linesOf(stream: Readable): readonly string[] {
  const lines: string[] = [];
  createInterface({ input: stream }).on("line", (line) => lines.push(line));
  return lines;
}

/** Starts `dev` on the small services, by node unless another command is given to run it. Its temporary files are below `cwd`, so that a test sees what is left. */
export async function launchFixture(
  cwd: string,
  options: Partial<DevOptions> = {},
  env: NodeJS.ProcessEnv = {},
  [command, ...before]: readonly [string, ...string[]] = [process.execPath],
): Promise<Launched> {
  const scripts = ["edge", "api", "persister"].map((kind) => writeFile(join(cwd, `${kind}.mjs`), serviceScript(kind)));
  await Promise.all([...scripts, writeFile(join(cwd, "dev.mjs"), devScript)]);
  const args = [...before, "dev.mjs", JSON.stringify({ ...OPTIONS, ...options })];
  return launch(command, args, cwd, { TMPDIR: cwd, ...env });
}

/** Waits for a condition; says what it waited for when it never comes. */
export async function until(what: string, check: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error(`still waiting for ${what}`);
    await delay(20);
  }
}

export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** The process ids of a ready line that still live. */
export function survivors(line: ReadyLine): readonly number[] {
  return [line.pid, ...line.processes.map(({ pid }) => pid)].filter(isAlive);
}

/** Every living process whose environment or command line names the folder: children, keepers, servers. */
export async function processesAt(folder: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const read = (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
      const text = `${await read("environ")}\0${await read("cmdline")}`;
      return text.includes(folder) && isAlive(Number(pid)) ? `${pid} ${await read("comm")}`.trim() : "";
    }),
  );
  return found.filter((each) => each !== "");
}

/** Folders that a `dev` made below its TMPDIR. */
export async function temporaryFoldersIn(cwd: string): Promise<readonly string[]> {
  return (await readdir(cwd)).filter((name) => name.startsWith("rookery-"));
}
