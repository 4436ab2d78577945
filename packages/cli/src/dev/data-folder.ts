// Owns the folder that one `dev` works in: its making, the lock against a second `dev`, and whether it stays or goes.
// Called once by dev, before anything is started.
// States: absent, held (dev.lock names this process), released. A temporary folder has a keeper from before it exists, so
// that it goes even when this process is killed. It never touches data that others keep in the folder.
import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startKeeper } from "@rookery/servers";
import { isAlive, startMark } from "../process-table.ts";

export interface DataFolder {
  readonly path: string;
  readonly ephemeral: boolean;
  /** A former `dev` on this folder was killed; what it started may still be on its way out. */
  readonly wasAbandoned: boolean;
  /** Gives the lock back, and removes a temporary folder. */
  release(): Promise<void>;
}

/** The keeper of a temporary folder watches no server; these two are for one. */
const NO_SERVER = { stopSignal: "TERM", graceMs: 100 } as const;
/** Of a race with others over an abandoned lock somebody wins each round. */
const LOCK_ATTEMPTS = 20;

/**
 * Makes and locks the folder. Without `wanted` a temporary one. Postgres runs as another user when this one is root, so
 * the folder can be entered by everybody; files with secrets in it cannot be read.
 */
export async function holdDataFolder(wanted: string | undefined): Promise<DataFolder> {
  if (wanted === undefined) return temporaryFolder();
  const path = resolve(wanted);
  await mkdir(path, { recursive: true, mode: 0o755 });
  const wasAbandoned = await takeLock(path);
  const release = (): Promise<void> => rm(lockFile(path), { force: true });
  return { path, ephemeral: false, wasAbandoned, release };
}

async function temporaryFolder(): Promise<DataFolder> {
  const path = join(tmpdir(), `rookery-dev-${randomBytes(6).toString("hex")}`);
  const keeper = startKeeper({ ...NO_SERVER, folder: path });
  await mkdir(path);
  await chmod(path, 0o755);
  return { path, ephemeral: true, wasAbandoned: false, release: keeper.end };
}

const lockFile = (folder: string): string => join(folder, "dev.lock");

/** Resolves to whether the lock was left by a process that is gone. Throws when a living one holds it. */
async function takeLock(folder: string): Promise<boolean> {
  const lock = lockFile(folder);
  const own = `${lock}.${process.pid}`;
  await writeFile(own, `${process.pid} ${startMark(process.pid)}\n`);
  let wasAbandoned = false;
  try {
    for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt += 1) {
      if (await linked(own, lock)) return wasAbandoned;
      const holder = await readFile(lock, "utf8").catch(() => "");
      const pid = livingHolder(holder);
      if (pid !== undefined) throw new Error(busyText(folder, pid));
      wasAbandoned = true;
      await discard(lock, holder);
    }
    throw new Error(`${lock} cannot be taken: others keep taking it`);
  } finally {
    await rm(own, { force: true });
  }
}

/** `link` fails when the name exists: of several that try at once one succeeds. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** A process id alone may be somebody else's by now; with the time of its start it is not. */
function livingHolder(holder: string): number | undefined {
  const [pidText, mark] = holder.trim().split(" ");
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  return (mark ?? "") === startMark(pid) ? pid : undefined;
}

/** Moves an abandoned lock aside. Should another process have taken it meanwhile, its lock is put back. */
async function discard(lock: string, abandoned: string): Promise<void> {
  const aside = `${lock}.${process.pid}.old`;
  try {
    await rename(lock, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, "utf8")) !== abandoned) await linked(aside, lock);
  await rm(aside, { force: true });
}

function busyText(folder: string, pid: number): string {
  return `another \`rookery dev\` (process ${pid}) works in ${folder}: stop it, or choose another folder with --data, or --ephemeral`;
}
