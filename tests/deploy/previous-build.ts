// The build before this one, for what is tried across a version: its sources out of this checkout's history, its own packages,
// its own bundles, in a folder that is kept between runs. Called by tests of upgrades, before anything is started.
// 503f603 is the last commit before presence, changes of messages, read positions, rights and audit came, all in one step: it
// knows one kind of outbox entry and migrations up to 0008, so each kind, envelope and table that was added is new to it. It is
// old enough to be a hard case and young enough to be an honest one: builds before migration 0007 bury what they do not know.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const COMMIT = "503f60373a456cf8d179e925381cc165785bedcd";
const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
const HOME = join(CHECKOUT, ".rookery/builds", COMMIT);
/** Written last: a folder without it is what an interrupted build has left. */
const WHOLE = join(HOME, "node_modules/.built");
const STEP_MS = 240_000;

/** What the run of a script tells its children of the package it runs in. */
const OF_THIS_PACKAGE = /^npm_(config_local_prefix|package_|lifecycle_|command$)/;

export interface Build {
  readonly name: string;
  /** The folder in which `services/edge/dist/main.js` and the others stand. */
  readonly root: string;
}

export const THIS_BUILD: Build = { name: "this build", root: CHECKOUT };

/** Undefined where the checkout has no such commit, or it cannot be built, which is said in one line. */
export function previousBuild(): Build | undefined {
  const build: Build = { name: "the build before", root: HOME };
  if (existsSync(WHOLE)) return build;
  if (!run("git", ["cat-file", "-e", `${COMMIT}^{commit}`], CHECKOUT))
    return missing("is not in this checkout's history");
  rmSync(HOME, { recursive: true, force: true });
  const isBuilt =
    // Forced, since git may still have a note of the folder that was removed.
    run("git", ["worktree", "add", "--force", "--detach", HOME, COMMIT], CHECKOUT) &&
    run("npm", ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"], HOME) &&
    run(process.execPath, ["esbuild.config.mjs"], HOME);
  if (!isBuilt) return missing("cannot be built here");
  writeFileSync(WHOLE, "");
  return build;
}

function missing(why: string): undefined {
  process.stderr.write(`commit ${COMMIT.slice(0, 7)} ${why}; what is tried across a version is skipped.\n`);
  return undefined;
}

function run(command: string, args: readonly string[], cwd: string): boolean {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_THIS_PACKAGE.test(name)));
  const { status } = spawnSync(command, args, { cwd, env, stdio: ["ignore", "ignore", "inherit"], timeout: STEP_MS });
  return status === 0;
}
