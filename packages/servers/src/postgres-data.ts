// Owns a Postgres data folder: where it may lie, its first filling, its password. Called by start-postgres.ts.
// States of a folder: absent, being filled (`data.new`), filled (`data` beside `password`). The rename between the last
// two is the commit, so an interrupted start leaves nothing that a later one would take for a database.
// Must never overwrite a filled folder.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { access, chmod, chown, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { blockedAt } from "./postgres-binary.ts";
import type { PostgresBinaries, ServerUser } from "./postgres-binary.ts";

/** For a folder the server's user cannot reach there must be another one that lasts as long. */
const sharedState = "/var/lib/rookery";

export interface DataPlan {
  dir: string;
  user: ServerUser | undefined;
  binaries: PostgresBinaries;
  /** Temporary data is worth no fsync. */
  ephemeral: boolean;
  env: NodeJS.ProcessEnv;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * The folder to use for a wanted one: itself, or when the server's user cannot enter it, one below /var/lib/rookery that
 * is the same for the same wanted folder. Says so when it differs.
 */
export const reachableFolder = async (
  wanted: string,
  user: ServerUser | undefined,
  say: (line: string) => void,
): Promise<string> => {
  if (user === undefined) return wanted;
  const blocked = await blockedAt(join(wanted, ".."), user);
  if (blocked === undefined) return wanted;
  const mark = createHash("sha256").update(wanted).digest("hex").slice(0, 12);
  const other = join(sharedState, `${basename(wanted)}-${mark}`);
  say(`Postgres does not run as root and user ${user.name} cannot enter ${blocked}: its data goes to ${other}`);
  return other;
};

/** Makes the folder, private to the server's user. */
export const claimFolder = async (plan: DataPlan): Promise<void> => {
  const firstMade = await mkdir(plan.dir, { recursive: true, mode: 0o700 });
  if (plan.user === undefined) return;
  await chown(plan.dir, plan.user.uid, plan.user.gid);
  if (firstMade === undefined) return;
  // The folders made on the way are ours and private under a strict umask: the server's user must pass through them.
  for (let above = dirname(plan.dir); above.startsWith(firstMade); above = dirname(above)) {
    await chmod(above, 0o711);
  }
};

const run = async (plan: DataPlan, command: string, args: string[], input: string): Promise<void> => {
  const child = spawn(command, args, { cwd: plan.dir, env: plan.env, stdio: ["pipe", "pipe", "pipe"], ...plan.user });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part) => {
      output += String(part);
    });
  }
  // A command that ends before it read its input says why in its output.
  child.stdin.on("error", () => undefined).end(input);
  const [code]: unknown[] = await once(child, "close");
  // Single-user mode reports a failed statement in its output only.
  if (code === 0 && !/^.*(?:ERROR|FATAL):/m.test(output)) return;
  throw new Error(`${basename(command)} failed: ${output.trim().split("\n").slice(-6).join(" | ")}`);
};

const GRANTED_ROLES = ["writer", "reader", "edge", "api", "persister"].map((name) => `rookery_${name}`);

/** The role may make databases, for tests that clone one; it is no superuser. */
const firstStatements = (password: string): string =>
  [
    `create role rookery login createdb password '${password}'`,
    "create database rookery owner rookery",
    // What the migrations grant to: they may make no roles here.
    ...GRANTED_ROLES.map((role) => `create role ${role} nologin`),
    `grant ${GRANTED_ROLES.join(", ")} to rookery`,
    // Nobody else is meant to log in here.
    "revoke connect on database postgres from public",
  ]
    .map((statement) => `${statement}\n`)
    .join("");

const fill = async (plan: DataPlan): Promise<void> => {
  const data = join(plan.dir, "data.new");
  const { postgres, initdb } = plan.binaries;
  const password = randomBytes(24).toString("hex");
  await rm(data, { recursive: true, force: true });
  const sync = plan.ephemeral ? ["--no-sync"] : [];
  await run(
    plan,
    initdb,
    ["-D", data, "-U", "postgres", "-A", "reject", "-E", "UTF8", "--locale=C", "--no-instructions", ...sync],
    "",
  );
  // One role over loopback with its password, nobody else; the superuser is left with single-user mode, which needs no
  // driver. Overwriting keeps the file's owner.
  await writeFile(join(data, "pg_hba.conf"), "host all rookery 127.0.0.1/32 scram-sha-256\n");
  const fast = plan.ephemeral ? ["-F"] : [];
  await run(plan, postgres, ["--single", ...fast, "-D", data, "postgres"], firstStatements(password));
  await writeFile(join(plan.dir, "password"), password, { mode: 0o600 });
  await rename(data, join(plan.dir, "data"));
};

/** Fills the folder when it is new. Returns the password of role `rookery`. */
export const preparedPassword = async (plan: DataPlan): Promise<string> => {
  if (!(await exists(join(plan.dir, "data")))) await fill(plan);
  const file = join(plan.dir, "password");
  const password = (await readFile(file, "utf8").catch(() => "")).trim();
  if (password === "") throw new Error(`${file} is missing: put it back, or remove ${plan.dir} to begin anew`);
  return password;
};
