// Debian's Postgres on a temporary folder, with the dump and restore programs of the same version: the server that npm brings
// is newer than they may be asked to dump. Called by tests of backups. Must never run as root, nor outlive the test.
import { spawnSync } from "node:child_process";
import { chown, mkdtemp, readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKeeper } from "@rookery/servers";
import type { RunAs } from "@rookery/servers";
import { eventually } from "@rookery/testkit";
import { debianTool } from "./tools.ts";

const VERSIONS = "/usr/lib/postgresql";
const GRACE_MS = 5_000;
const DATABASE = "rookery";

export interface DebianPostgres {
  readonly url: string;
  /** `pg_dump`, `psql` and the like, of the server's version; answers what it printed, throws with its complaint. */
  run(this: void, program: string, ...args: readonly string[]): string;
  stop(this: void): Promise<void>;
}

/** The folder of the newest version's programs; undefined where there is none and none can be installed. */
export async function debianPostgresPrograms(): Promise<string | undefined> {
  if (debianTool("pg_createcluster", "postgresql") === undefined) return undefined;
  const versions = await readdir(VERSIONS);
  const newest = versions
    .map(Number)
    .toSorted((a, b) => a - b)
    .at(-1);
  return newest === undefined ? undefined : join(VERSIONS, String(newest), "bin");
}

export async function startDebianPostgres(programs: string): Promise<DebianPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "rookery-debian-postgres-"));
  const keeper = startKeeper({ stopSignal: "INT", graceMs: GRACE_MS, folder });
  try {
    const user = await serverUser();
    if (user !== undefined) await chown(folder, user.uid, user.gid);
    const data = join(folder, "data");
    run("initdb", ["-D", data, "-U", "rookery", "-A", "trust", "-E", "UTF8", "--no-locale"], user);
    const port = await freePort();
    const settings = { listen_addresses: "127.0.0.1", unix_socket_directories: "", fsync: "off", port: String(port) };
    await keeper.start({
      command: join(programs, "postgres"),
      args: ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      cwd: folder,
      runAs: user,
    });
    const of = (database: string): string => `postgres://rookery@127.0.0.1:${port}/${database}`;
    await eventually(() => run("psql", [of("postgres"), "-qc", `create database ${DATABASE}`]), { withinMs: 30_000 });
    return { url: of(DATABASE), run: (program, ...args) => run(program, args), stop: keeper.end };
  } catch (error) {
    await keeper.end();
    throw error;
  }

  function run(program: string, args: readonly string[], as?: RunAs): string {
    const options = { cwd: "/", encoding: "utf8", ...as } as const;
    const { status, stdout, stderr } = spawnSync(join(programs, program), args, options);
    if (status === 0) return stdout;
    throw new Error(`${program} ended with ${String(status)}: ${stderr}`);
  }
}

/** Debian's own user of its package; ourselves where we are not root. */
async function serverUser(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const ids = ["-u", "-g"].map((flag) => Number(spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout));
  const [uid = 0, gid = 0] = ids;
  if (!(uid > 0 && gid > 0))
    throw new Error("there is no user postgres to run the server as: Debian's package makes one");
  return { uid, gid };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address === "string" || address === null) throw new Error("a listening socket has a port");
  return address.port;
}
