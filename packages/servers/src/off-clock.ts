// A wall clock that is off for one process alone: libfaketime in front of what it asks for the time. Called by start-redis.ts,
// for tests. Elapsed time stays true, as it does on a machine whose clock is wrong.
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findOrInstallRedis } from "./redis-binary.ts";
import type { FindRedisOptions } from "./redis-binary.ts";
import { installPackage } from "./system-package.ts";

const run = promisify(execFile);

/** A program that does not bear the library hangs at its start. */
const startsWithinMs = 5_000;

const packageNames = { "apt-get": ["libfaketime"], dnf: ["libfaketime"] };

/** As packages of Debian and Fedora lay it. */
const findLibrary = async (): Promise<string | undefined> => {
  const folders = ["/usr/lib", "/usr/lib64"];
  const below = await Promise.all(folders.map((folder) => readdir(folder).catch((): string[] => [])));
  for (const folder of [
    ...folders,
    ...folders.flatMap((one, at) => (below[at] ?? []).map((name) => join(one, name))),
  ]) {
    const files = await readdir(join(folder, "faketime")).catch((): string[] => []);
    if (files.includes("libfaketime.so.1")) return join(folder, "faketime", "libfaketime.so.1");
  }
  return undefined;
};

const environmentFor = (library: string, offMs: number): NodeJS.ProcessEnv => ({
  // jemalloc, of which Redis is made, asks for the time while the library still looks for what answers: libc's allocator stands
  // before it. (libfaketime's README, "jemalloc")
  LD_PRELOAD: `${library} libc.so.6`,
  FAKETIME: `${offMs < 0 ? "" : "+"}${offMs / 1_000}`,
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
});

/**
 * What a redis-server is given beside its environment so that its clock is off by so much. As root it installs what is missing.
 * Throws an Error of one line where that is not to be got.
 */
export const offClock = async (offMs: number, given: FindRedisOptions = {}): Promise<NodeJS.ProcessEnv> => {
  const redis = await findOrInstallRedis(given);
  const options = { say: given.say ?? (() => undefined), env: given.env ?? process.env };
  const isThere = async (): Promise<boolean> => (await findLibrary()) !== undefined;
  const failure = (await isThere())
    ? ""
    : await installPackage({ what: "libfaketime", packages: packageNames, isThere, ...options });
  const library = await findLibrary();
  if (library === undefined) {
    const why = failure === "" ? "" : `; installing it failed: ${failure}`;
    throw new Error(`no clock can be put off without libfaketime: install libfaketime${why}`);
  }
  const environment = environmentFor(library, offMs);
  await run(redis.path, ["--version"], {
    env: { ...options.env, ...environment },
    timeout: startsWithinMs,
    killSignal: "SIGKILL",
  }).catch((error: unknown) => {
    throw new Error(`${redis.path} does not bear ${library}: ${String(error).split("\n")[0] ?? ""}`);
  });
  return environment;
};
