// Owns the start of one loopback Postgres on a data folder. Called by the command line's `dev` and by the testkit.
// States: choosing a user and a folder, filling a new folder, waiting for a former server, starting, accepting.
// Must never listen beyond loopback, and never give up durability unless the data is called ephemeral.
import { mkdtemp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onPort, PortTaken } from "./free-port.ts";
import { startKeeper } from "./keeper.ts";
import type { Keeper, KeptProcess } from "./keeper.ts";
import { findPostgres, serverUser, temporaryParent } from "./postgres-binary.ts";
import { claimFolder, preparedPassword, reachableFolder } from "./postgres-data.ts";
import type { DataPlan } from "./postgres-data.ts";
import type { RunningServer } from "./start-redis.ts";

/** Replaying a long write-ahead log takes a while; after this long the start counts as failed. */
const readyWithinMs = 120_000;
/** A fast shutdown waits for open transactions to roll back, which is quick; past this it is killed. */
const graceMs = 8_000;
/** After `kill -9` of a starter its keeper needs the grace to stop the former server on the same folder. */
const formerGoneWithinMs = graceMs + 2_000;

export interface StartPostgresOptions {
  /** Data folder, made when missing. Without it a temporary one is made, and all of it is ephemeral. */
  dir?: string;
  /** Free one when 0 or left out. */
  port?: number;
  /** Gives up safety against a crash of the machine, not against a crash of the server. */
  ephemeral?: boolean;
  /** Server settings by name, over the defaults. */
  settings?: Record<string, string>;
  /** Removes the data folder once the server has ended, also after `kill -9` of this process. */
  removeDirAtEnd?: boolean;
  say?: (line: string) => void;
}

interface Plan extends DataPlan {
  keeper: Keeper;
  settings: Record<string, string>;
}

/** Thrown when another server still holds the data folder. */
class FolderBusy extends Error {}

const baseSettings: Record<string, string> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  timezone: "UTC",
  log_timezone: "UTC",
};

/** `synchronous_commit` stays on: what was committed must survive a killed server, only not a lost machine. */
const ephemeralSettings: Record<string, string> = { fsync: "off", full_page_writes: "off" };

/** What a failed start means, by what the server said last. */
const failures: { says: RegExp; error: (text: string) => Error }[] = [
  { says: /could not bind .*address already in use|Address already in use/i, error: (text) => new PortTaken(text) },
  { says: /lock file "postmaster\.pid" already exists/, error: (text) => new FolderBusy(text) },
];

const untilAccepting = async (kept: KeptProcess): Promise<void> => {
  const deadline = performance.now() + readyWithinMs;
  let over = false;
  void kept.exited.then(() => {
    over = true;
  });
  while (!kept.tail().some((line) => line.includes("database system is ready to accept connections"))) {
    if (over || performance.now() > deadline) {
      const text = kept.tail().slice(-8).join(" | ");
      const known = failures.find(({ says }) => says.test(text));
      throw known?.error(text) ?? new Error(`postgres ${over ? "ended at start" : "is not ready"}: ${text}`);
    }
    await delay(15);
  }
};

const launch = async (port: number, plan: Plan, password: string): Promise<RunningServer> => {
  const settings = Object.entries({ ...plan.settings, port: String(port) });
  const kept = await plan.keeper.start({
    command: plan.binaries.postgres,
    args: ["-D", join(plan.dir, "data"), ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    cwd: plan.dir,
    env: plan.env,
    runAs: plan.user,
  });
  await untilAccepting(kept);
  const url = `postgres://rookery:${password}@127.0.0.1:${port}/rookery`;
  return { ...kept, url, port, dir: plan.dir, stop: plan.keeper.end };
};

/** Tries again while a former server, whose starter was killed, is still on its way out of the folder. */
const afterFormer = async <T>(start: () => Promise<T>): Promise<T> => {
  const deadline = performance.now() + formerGoneWithinMs;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof FolderBusy) || performance.now() > deadline) throw error;
      await delay(200);
    }
  }
};

/** The server's own environment: nothing of ours (HOME, PGDATA, locale) may change what it does. */
const cleanEnv = (): NodeJS.ProcessEnv => ({ PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" });

/**
 * Starts the npm-shipped Postgres on 127.0.0.1 and resolves once it accepts connections. The URL names role `rookery`,
 * no superuser, owner of database `rookery`; its password stays in the data folder, so the next start on it works.
 * As root the server runs as `postgres` or `nobody`. It ends with `stop` or with this process, also by `kill -9`.
 */
export const startPostgres = async (options: StartPostgresOptions = {}): Promise<RunningServer> => {
  const say = options.say ?? (() => undefined);
  const user = await serverUser();
  const binaries = await findPostgres(user, say);
  const wanted = resolve(options.dir ?? (await mkdtemp(join(await temporaryParent(user), "rookery-postgres-"))));
  const dir = await reachableFolder(wanted, user, say);
  const temporary = options.dir === undefined || options.removeDirAtEnd === true;
  const ephemeral = options.ephemeral ?? options.dir === undefined;
  const settings = { ...baseSettings, ...(ephemeral ? ephemeralSettings : {}), ...options.settings };
  const keeper = startKeeper({ stopSignal: "INT", graceMs, folder: temporary ? dir : undefined });
  const plan = { dir, user, binaries, ephemeral, env: cleanEnv(), keeper, settings };
  try {
    await claimFolder(plan);
    const password = await preparedPassword(plan);
    return await afterFormer(() => onPort(options.port, (port) => launch(port, plan, password)));
  } catch (error) {
    await keeper.end();
    throw error;
  }
};
