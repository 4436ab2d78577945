// Owns the question where redis-server comes from: PATH, else the system's package manager, else one line of advice.
// Called by start-redis.ts and by the command line's doctor. Must never leave a system service running that it caused.
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Sharded pub/sub and script flags came with 7. Valkey counts on from 7.2. */
const oldestMajor = 7;

const names = ["redis-server", "valkey-server"];

/** How long another process may take to install before waiting for it is given up. */
const installWithinMs = 300_000;

interface PackageManager {
  command: string;
  /** Tried in order until one of them brings a usable server. */
  attempts: string[][];
  prepare?: string[];
}

/** `DPkg::Lock::Timeout` is in seconds: another apt may hold the lock for a while. */
const aptLock = ["-o", "DPkg::Lock::Timeout=240"];

const packageManagers: PackageManager[] = [
  {
    command: "apt-get",
    prepare: ["update", ...aptLock],
    attempts: [
      ["install", "-y", "--no-install-recommends", ...aptLock, "redis-server"],
      ["install", "-y", "--no-install-recommends", ...aptLock, "valkey-server"],
    ],
  },
  {
    command: "apk",
    attempts: [
      ["add", "--no-cache", "redis"],
      ["add", "--no-cache", "valkey"],
    ],
  },
  {
    command: "dnf",
    attempts: [
      ["install", "-y", "redis"],
      ["install", "-y", "valkey"],
    ],
  },
];

export interface RedisBinary {
  /** Absolute path. */
  path: string;
  /** As the binary tells it, for example `7.0.15`. */
  version: string;
}

export interface FindRedisOptions {
  /** Told about everything that takes time or changes the system, one line each. */
  say?: (line: string) => void;
  /** Where to look and what installers see; the process's own unless given. */
  env?: NodeJS.ProcessEnv;
}

const onPath = async (name: string, path: string | undefined): Promise<string | undefined> => {
  for (const folder of (path ?? "").split(delimiter)) {
    const file = join(folder, name);
    if (folder === "") continue;
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return undefined;
};

const versionOf = async (path: string): Promise<string | undefined> => {
  try {
    const { stdout } = await run(path, ["--version"]);
    return /\bv=(\d+(?:\.\d+)*)/.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
};

/** Every Redis or Valkey on PATH with its version; `usable` is the first that is new enough. */
const look = async (path: string | undefined): Promise<{ usable?: RedisBinary; tooOld: string[] }> => {
  const tooOld: string[] = [];
  for (const name of names) {
    const file = await onPath(name, path);
    const version = file === undefined ? undefined : await versionOf(file);
    if (file === undefined || version === undefined) continue;
    if (Number.parseInt(version, 10) >= oldestMajor) return { usable: { path: file, version }, tooOld };
    tooOld.push(`${file} is ${version}`);
  }
  return { tooOld };
};

/** Debian starts a service with its package. It was not asked for, so it is stopped and stays off. */
const quietService = async (command: string, env: NodeJS.ProcessEnv): Promise<void> => {
  if (command !== "apt-get") return;
  for (const service of names) {
    try {
      await access("/run/systemd/system");
      await run("systemctl", ["disable", "--now", `${service}.service`], { env });
    } catch {
      continue; // no systemd here, or no such service: nothing runs
    }
  }
};

const install = async (manager: PackageManager, options: Required<FindRedisOptions>): Promise<string> => {
  // RUNLEVEL keeps System V init scripts from starting the service with the package.
  const env = { ...options.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  let failure = "";
  if (manager.prepare !== undefined) {
    await run(manager.command, manager.prepare, { env }).catch((error: unknown) => {
      failure = String(error);
    });
  }
  for (const args of manager.attempts) {
    try {
      options.say(`installing Redis: ${manager.command} ${args.join(" ")}`);
      await run(manager.command, args, { env, maxBuffer: 64 * 1024 * 1024 });
      await quietService(manager.command, env);
      if ((await look(options.env["PATH"])).usable !== undefined) return "";
    } catch (error) {
      failure = String(error);
    }
  }
  return failure.split("\n")[0] ?? "";
};

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** One installer at a time on this machine. Undefined when another process is at it. */
const takeInstallLock = async (file: string): Promise<(() => Promise<void>) | undefined> => {
  try {
    const handle = await open(file, "wx", 0o600);
    await handle.writeFile(String(process.pid));
    await handle.close();
    return () => rm(file, { force: true });
  } catch {
    const holder = Number(await readFile(file, "utf8").catch(() => ""));
    // An empty file is one whose owner has not written its process id yet.
    if (holder > 0 && !alive(holder)) await rm(file, { force: true });
    return undefined;
  }
};

/** Installs, or waits for the process that does. Returns why it failed, empty when it did not say. */
const installOnce = async (manager: PackageManager, options: Required<FindRedisOptions>): Promise<string> => {
  const lockFile = join(tmpdir(), "rookery-install-redis.lock");
  const deadline = performance.now() + installWithinMs;
  while (performance.now() < deadline) {
    const unlock = await takeInstallLock(lockFile);
    if (unlock !== undefined) {
      try {
        // The other process may have finished between our look and our lock.
        return (await look(options.env["PATH"])).usable === undefined ? await install(manager, options) : "";
      } finally {
        await unlock();
      }
    }
    await delay(250);
  }
  return `another process holds ${lockFile}`;
};

const advice = (tooOld: string[], failure: string): Error => {
  const found = tooOld.length > 0 ? ` (${tooOld.join(", ")})` : "";
  const why = failure === "" ? "" : `; installing it failed: ${failure}`;
  return new Error(
    `Redis ${oldestMajor} or newer is needed and was not found${found}: install redis-server or valkey-server so that it is on PATH, or give a Redis URL${why}`,
  );
};

/**
 * Finds a Redis or Valkey server of version 7 or newer on PATH; as root it installs one with apt-get, apk or dnf.
 * Throws an Error whose message is one line saying what to install.
 */
export const findOrInstallRedis = async (given: FindRedisOptions = {}): Promise<RedisBinary> => {
  const options = { say: given.say ?? (() => undefined), env: given.env ?? process.env };
  const path = options.env["PATH"];
  const first = await look(path);
  if (first.usable !== undefined) return first.usable;
  if (process.getuid?.() !== 0) throw advice(first.tooOld, "");
  let failure = "";
  for (const manager of packageManagers) {
    if ((await onPath(manager.command, path)) === undefined) continue;
    failure = await installOnce(manager, options);
    break;
  }
  const second = await look(path);
  if (second.usable !== undefined) return second.usable;
  throw advice(second.tooOld, failure);
};
