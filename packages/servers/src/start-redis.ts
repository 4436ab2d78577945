// Owns the start of one loopback Redis on a data folder. Called by the command line's `dev` and by the testkit.
// States: looking for a binary, waiting for a former server on the same folder, starting, answering.
// Must never listen beyond loopback and never run two servers on one folder.
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onPort, PortTaken } from "./free-port.ts";
import { startKeeper } from "./keeper.ts";
import type { Keeper, KeptProcess } from "./keeper.ts";
import { offClock } from "./off-clock.ts";
import { findOrInstallRedis } from "./redis-binary.ts";
import { fieldsOf, talk } from "./resp.ts";
import type { Door } from "./resp.ts";

/** A big append-only file takes a while to load; after this long the start counts as failed. */
const readyWithinMs = 120_000;
/** After `kill -9` of a starter its keeper needs this long at most to stop the former server. */
const formerGoneWithinMs = 6_000;
const graceMs = 3_000;

/** What the project relies on; `args` may override each line. */
const defaults: Record<string, string> = {
  appendonly: "yes",
  save: "",
  "maxmemory-policy": "noeviction",
  // A subscriber that lags is cut by Redis; the default of 32 MB is too little for a busy relay after a pause.
  "client-output-buffer-limit": "pubsub 128mb 64mb 30",
};

/** Files in PEM: what a server shows, and whose certificates it trusts where it connects to others. */
export interface TlsFiles {
  cert: string;
  key: string;
  ca: string;
}

export interface StartRedisOptions {
  /** Data folder, made when missing. Without it a temporary one is made and removed at the end. */
  dir?: string;
  /** Free one when 0 or left out. */
  port?: number;
  /** Lines of redis.conf by name; an empty value is written as `""`. */
  args?: Record<string, string>;
  /** Listens with TLS alone. */
  tls?: TlsFiles | undefined;
  /** Removes `dir` once the server has ended, also after `kill -9` of this process. */
  removeDirAtEnd?: boolean;
  /** By how much its wall clock is ahead, for tests: see offClock. */
  clockOffMs?: number | undefined;
  say?: ((line: string) => void) | undefined;
}

/** What the members of a topology are started with beside that. */
export interface LaunchOptions extends StartRedisOptions {
  sentinel?: boolean;
  /** The configuration that is in `dir` stands, with all that the server itself has written into it. */
  keepConfig?: boolean;
}

/** A running server that ends with this process. */
export interface RunningServer extends KeptProcess {
  url: string;
  port: number;
  /** Where its data is. */
  dir: string;
  /** Ends the server in order, by force after a grace, and removes a temporary folder. Safe to call again. */
  stop: () => Promise<void>;
}

interface Plan {
  dir: string;
  /** Undefined where the configuration in `dir` stands. */
  args: Record<string, string> | undefined;
  program: string[];
  env: NodeJS.ProcessEnv;
  keeper: Keeper;
  password: string;
  tls: boolean;
}

/** The process that answers on a port. Undefined when nobody does, or not yet. */
const whoAnswers = async (door: Door): Promise<number | undefined> => {
  try {
    // INFO is answered while the data is still being loaded, PING is not.
    const [, info] = await talk(door, [["PING"], ["INFO", "server"]], 1_000);
    return Number(fieldsOf(info).get("process_id"));
  } catch {
    return undefined;
  }
};

const configText = (dir: string, port: number, isTls: boolean, args: Record<string, string>): string => {
  const listening = isTls ? { port: "0", "tls-port": String(port) } : { port: String(port) };
  const lines = { bind: "127.0.0.1", ...listening, dir: JSON.stringify(dir), ...args };
  return Object.entries({ ...lines, daemonize: "no", logfile: "" })
    .map(([name, value]) => `${name} ${value === "" ? '""' : value}\n`)
    .join("");
};

const tlsLines = (tls: TlsFiles | undefined): Record<string, string> =>
  tls === undefined
    ? {}
    : {
        "tls-cert-file": JSON.stringify(tls.cert),
        "tls-key-file": JSON.stringify(tls.key),
        "tls-ca-cert-file": JSON.stringify(tls.ca),
        "tls-auth-clients": "no",
        "tls-replication": "yes",
        "tls-cluster": "yes",
      };

const untilAnswering = async (kept: KeptProcess, door: Door): Promise<void> => {
  const deadline = performance.now() + readyWithinMs;
  let over = false;
  void kept.exited.then(() => {
    over = true;
  });
  // Another Redis may sit on the port while ours fails to bind it, hence the comparison of process ids.
  while ((await whoAnswers(door)) !== kept.pid) {
    if (over || performance.now() > deadline) {
      const lines = kept.tail().slice(-8).join(" | ");
      if (/address already in use/i.test(lines)) throw new PortTaken(`port ${door.port} is taken: ${lines}`);
      throw new Error(over ? `redis-server ended at start: ${lines}` : `redis-server does not answer: ${lines}`);
    }
    await delay(15);
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const CONFIG_FILE = "redis.conf";

const noteFile = (dir: string): string => join(dir, "server.json");

/** Two servers on one append-only file destroy it. A former one may still be stopping, so it is given time. */
const waitForFormer = async (dir: string, entry: Omit<Door, "port">): Promise<void> => {
  const note: unknown = JSON.parse(await readFile(noteFile(dir), "utf8").catch(() => "null"));
  if (typeof note !== "object" || note === null || !("pid" in note) || !("port" in note)) return;
  const { pid, port } = note;
  if (typeof port !== "number") return;
  const starterLives = "starter" in note && typeof note.starter === "number" && isAlive(note.starter);
  const deadline = performance.now() + (starterLives ? 0 : formerGoneWithinMs);
  while ((await whoAnswers({ ...entry, port })) === pid) {
    if (performance.now() > deadline) throw new Error(`a Redis (process ${String(pid)}) already runs on ${dir}`);
    await delay(50);
  }
};

const launch = async (port: number, plan: Plan): Promise<RunningServer> => {
  const { dir, args, tls, password, keeper } = plan;
  const config = join(dir, CONFIG_FILE);
  if (args !== undefined) await writeFile(config, configText(dir, port, tls, args), { mode: 0o600 });
  const [command = "", ...flags] = plan.program;
  const kept = await keeper.start({ command, args: [config, ...flags], cwd: dir, env: plan.env });
  await untilAnswering(kept, { port, password, tls });
  await writeFile(noteFile(dir), JSON.stringify({ pid: kept.pid, port, starter: process.pid }));
  const login = password === "" ? "" : `:${encodeURIComponent(password)}@`;
  const url = `${tls ? "rediss" : "redis"}://${login}127.0.0.1:${port}`;
  return { ...kept, url, port, dir, stop: keeper.end };
};

/** Starts one server or Sentinel; see startRedis. */
export const launchRedis = async (options: LaunchOptions): Promise<RunningServer> => {
  const { clockOffMs, say } = options;
  const finding = say === undefined ? {} : { say };
  const binary = await findOrInstallRedis(finding);
  const clock = clockOffMs === undefined ? {} : await offClock(clockOffMs, finding);
  const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), "rookery-redis-"))));
  const temporary = options.dir === undefined || options.removeDirAtEnd === true;
  const keeper = startKeeper({ stopSignal: "TERM", graceMs, folder: temporary ? dir : undefined });
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const isSentinel = options.sentinel === true;
    const args = { ...(isSentinel ? {} : defaults), ...tlsLines(options.tls), ...options.args };
    const door = { password: args["requirepass"] ?? "", tls: options.tls !== undefined };
    await waitForFormer(dir, door);
    const plan: Plan = {
      ...{ dir, keeper, ...door },
      args: options.keepConfig === true ? undefined : args,
      program: [binary.path, ...(isSentinel ? ["--sentinel"] : [])],
      env: { ...process.env, ...clock },
    };
    // A cluster node also binds port + 10000 for its bus.
    const below = args["cluster-enabled"] === "yes" ? 55_536 : undefined;
    return await onPort(options.port, (port) => launch(port, plan), below);
  } catch (error) {
    await keeper.end();
    throw error;
  }
};

/**
 * Starts a Redis on 127.0.0.1 and resolves once it answers PING. It ends with `stop` or with this process, also by
 * `kill -9`. Installs a missing redis-server where that is possible and says so; otherwise throws one line of advice.
 */
export const startRedis = (options: StartRedisOptions = {}): Promise<RunningServer> => launchRedis(options);
