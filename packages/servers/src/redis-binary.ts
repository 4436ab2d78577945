// Owns the question where redis-server comes from: PATH, else the system's package manager, else one line of advice.
// Called by start-redis.ts and by the command line's doctor. Must never leave a system service running that it caused.
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { promisify } from "node:util";
import { installPackage, onPath } from "./system-package.ts";

const run = promisify(execFile);

/** Sharded pub/sub and script flags came with 7. Valkey counts on from 7.2. */
const oldestMajor = 7;

const names = ["redis-server", "valkey-server"];

const packageNames = {
  "apt-get": ["redis-server", "valkey-server"],
  apk: ["redis", "valkey"],
  dnf: ["redis", "valkey"],
};

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
  const failure = await installPackage({
    ...{ what: "Redis", packages: packageNames, ...options },
    isThere: async () => (await look(path)).usable !== undefined,
    installed: (command) => quietService(command, options.env),
  });
  const second = await look(path);
  if (second.usable !== undefined) return second.usable;
  throw advice(second.tooOld, failure);
};
