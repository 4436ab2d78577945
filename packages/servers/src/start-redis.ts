// Owns the start of one loopback Redis on a data folder. Called by the command line's `dev` and by the testkit.
// States: looking for a binary, waiting for a former server on the same folder, starting, answering.
// Must never listen beyond loopback and never run two servers on one folder.
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onPort, PortTaken } from "./free-port.ts";
import { startKeeper } from "./keeper.ts";
import type { Keeper, KeptProcess } from "./keeper.ts";
import { findOrInstallRedis } from "./redis-binary.ts";

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

export interface StartRedisOptions {
  /** Data folder, made when missing. Without it a temporary one is made and removed at the end. */
  dir?: string;
  /** Free one when 0 or left out. */
  port?: number;
  /** Lines of redis.conf by name; an empty value is written as `""`. */
  args?: Record<string, string>;
  /** Removes `dir` once the server has ended, also after `kill -9` of this process. */
  removeDirAtEnd?: boolean;
  say?: (line: string) => void;
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
  args: Record<string, string>;
  binary: string;
  keeper: Keeper;
}

/** Asks who answers on a port, in RESP without a driver. Undefined when nobody does, or not yet. */
const whoAnswers = (port: number, password: string): Promise<number | undefined> =>
  new Promise((done) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let text = "";
    const finish = (): void => {
      socket.destroy();
      const pid = /process_id:(\d+)/.exec(text)?.[1];
      done(text.includes("+PONG") && pid !== undefined ? Number(pid) : undefined);
    };
    const auth = password === "" ? "" : `*2\r\n$4\r\nAUTH\r\n$${Buffer.byteLength(password)}\r\n${password}\r\n`;
    socket.setTimeout(1_000, finish);
    socket.once("error", finish);
    socket.once("close", finish);
    socket.once("connect", () => socket.write(`${auth}PING\r\nINFO server\r\nQUIT\r\n`));
    socket.setEncoding("utf8").on("data", (part) => {
      text += String(part);
    });
  });

const configText = (port: number, plan: Plan): string => {
  const lines = { bind: "127.0.0.1", port: String(port), dir: JSON.stringify(plan.dir), ...plan.args };
  return Object.entries({ ...lines, daemonize: "no", logfile: "" })
    .map(([name, value]) => `${name} ${value === "" ? '""' : value}\n`)
    .join("");
};

const untilAnswering = async (kept: KeptProcess, port: number, password: string): Promise<void> => {
  const deadline = performance.now() + readyWithinMs;
  let over = false;
  void kept.exited.then(() => {
    over = true;
  });
  // Another Redis may sit on the port while ours fails to bind it, hence the comparison of process ids.
  while ((await whoAnswers(port, password)) !== kept.pid) {
    if (over || performance.now() > deadline) {
      const lines = kept.tail().slice(-8).join(" | ");
      if (/address already in use/i.test(lines)) throw new PortTaken(`port ${port} is taken: ${lines}`);
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

const noteFile = (dir: string): string => join(dir, "server.json");

/** Two servers on one append-only file destroy it. A former one may still be stopping, so it is given time. */
const waitForFormer = async (dir: string, password: string): Promise<void> => {
  const note: unknown = JSON.parse(await readFile(noteFile(dir), "utf8").catch(() => "null"));
  if (typeof note !== "object" || note === null || !("pid" in note) || !("port" in note)) return;
  const { pid, port } = note;
  if (typeof port !== "number") return;
  const starterLives = "starter" in note && typeof note.starter === "number" && isAlive(note.starter);
  const deadline = performance.now() + (starterLives ? 0 : formerGoneWithinMs);
  while ((await whoAnswers(port, password)) === pid) {
    if (performance.now() > deadline) throw new Error(`a Redis (process ${String(pid)}) already runs on ${dir}`);
    await delay(50);
  }
};

const launch = async (port: number, plan: Plan): Promise<RunningServer> => {
  const password = plan.args["requirepass"] ?? "";
  const config = join(plan.dir, "redis.conf");
  await writeFile(config, configText(port, plan), { mode: 0o600 });
  const kept = await plan.keeper.start({ command: plan.binary, args: [config], cwd: plan.dir });
  await untilAnswering(kept, port, password);
  await writeFile(noteFile(plan.dir), JSON.stringify({ pid: kept.pid, port, starter: process.pid }));
  const login = password === "" ? "" : `:${encodeURIComponent(password)}@`;
  return { ...kept, url: `redis://${login}127.0.0.1:${port}`, port, dir: plan.dir, stop: plan.keeper.end };
};

/**
 * Starts a Redis on 127.0.0.1 and resolves once it answers PING. It ends with `stop` or with this process, also by
 * `kill -9`. Installs a missing redis-server where that is possible and says so; otherwise throws one line of advice.
 */
export const startRedis = async (options: StartRedisOptions = {}): Promise<RunningServer> => {
  const binary = await findOrInstallRedis(options.say === undefined ? {} : { say: options.say });
  const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), "rookery-redis-"))));
  const temporary = options.dir === undefined || options.removeDirAtEnd === true;
  const keeper = startKeeper({ stopSignal: "TERM", graceMs, folder: temporary ? dir : undefined });
  try {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const args = { ...defaults, ...options.args };
    await waitForFormer(dir, args["requirepass"] ?? "");
    // A cluster node also binds port + 10000 for its bus.
    const below = args["cluster-enabled"] === "yes" ? 55_536 : undefined;
    return await onPort(options.port, (port) => launch(port, { dir, args, binary: binary.path, keeper }), below);
  } catch (error) {
    await keeper.end();
    throw error;
  }
};
