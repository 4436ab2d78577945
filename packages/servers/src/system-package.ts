// Owns the way to a package of the system that is missing here: by the package manager and as root only, one installer at a
// time on this machine. Called by whoever looks for a program or a library. Must never install what is there already.
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** How long another process may take to install before waiting for it is given up. */
const installWithinMs = 300_000;

type ManagerName = "apt-get" | "apk" | "dnf";

interface PackageManager {
  command: ManagerName;
  install: string[];
  prepare?: string[];
}

/** `DPkg::Lock::Timeout` is in seconds: another apt may hold the lock for a while. */
const aptLock = ["-o", "DPkg::Lock::Timeout=240"];

const packageManagers: PackageManager[] = [
  {
    command: "apt-get",
    prepare: ["update", ...aptLock],
    install: ["install", "-y", "--no-install-recommends", ...aptLock],
  },
  { command: "apk", install: ["add", "--no-cache"] },
  { command: "dnf", install: ["install", "-y"] },
];

export interface WantedPackage {
  /** As people call it. */
  what: string;
  /** Its names, tried in order until it is there. A manager without any is not asked. */
  packages: Partial<Record<ManagerName, string[]>>;
  isThere: () => Promise<boolean>;
  /** Called after each installation. */
  installed?: (command: ManagerName) => Promise<void>;
  /** Told about everything that takes time or changes the system, one line each. */
  say: (line: string) => void;
  /** Where managers are looked for, and what they see. */
  env: NodeJS.ProcessEnv;
}

/** The file of that name in a folder of PATH that may be run. */
export const onPath = async (name: string, path: string | undefined): Promise<string | undefined> => {
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

const install = async (manager: PackageManager, wanted: WantedPackage): Promise<string> => {
  // RUNLEVEL keeps System V init scripts from starting a service with its package.
  const env = { ...wanted.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  let failure = "";
  if (manager.prepare !== undefined) {
    await run(manager.command, manager.prepare, { env }).catch((error: unknown) => {
      failure = String(error);
    });
  }
  for (const name of wanted.packages[manager.command] ?? []) {
    const args = [...manager.install, name];
    try {
      wanted.say(`installing ${wanted.what}: ${manager.command} ${args.join(" ")}`);
      await run(manager.command, args, { env, maxBuffer: 64 * 1024 * 1024 });
      await wanted.installed?.(manager.command);
      if (await wanted.isThere()) return "";
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

/** Installs, or waits for the process that does. */
const installOnce = async (manager: PackageManager, wanted: WantedPackage): Promise<string> => {
  const lockFile = join(tmpdir(), "rookery-install.lock");
  const deadline = performance.now() + installWithinMs;
  while (performance.now() < deadline) {
    const unlock = await takeInstallLock(lockFile);
    if (unlock !== undefined) {
      try {
        // The other process may have finished between our look and our lock.
        return (await wanted.isThere()) ? "" : await install(manager, wanted);
      } finally {
        await unlock();
      }
    }
    await delay(250);
  }
  return `another process holds ${lockFile}`;
};

/** Has the system's package manager bring it. Answers why that failed; empty where it did not, or nobody could be asked. */
export const installPackage = async (wanted: WantedPackage): Promise<string> => {
  if (process.getuid?.() !== 0) return "";
  for (const manager of packageManagers) {
    const isKnown = wanted.packages[manager.command] !== undefined;
    if (isKnown && (await onPath(manager.command, wanted.env["PATH"])) !== undefined)
      return installOnce(manager, wanted);
  }
  return "";
};
