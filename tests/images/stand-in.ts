// Makes a stand-in of the base image where no registry of images can be reached: Debian's bookworm by debootstrap, npm's own
// package of Node 22, a copy of npm, and the user `node`. Called by the test of the images. Its files are kept beside the
// checkout, since bootstrapping takes a minute; the image is the store's.
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  appendFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Buildah } from "./buildah.ts";

export const BASE = "docker.io/library/node:22-bookworm-slim";

const KEPT = fileURLToPath(new URL("../../.rookery/images/bookworm", import.meta.url));
const NODE = "node@22";

/** Commits the base image into the store. */
export function commitBase(buildah: Buildah, debootstrap: string): void {
  if (!existsSync(join(KEPT, "usr/local/bin/npm"))) bootstrap(debootstrap);
  const container = buildah.text("from", "scratch");
  buildah.run("copy", "--quiet", container, KEPT, "/");
  buildah.run("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container);
  buildah.run("commit", "--quiet", container, BASE);
  buildah.run("rm", container);
}

/** Whole or not at all: npm's link comes last. */
function bootstrap(debootstrap: string): void {
  rmSync(KEPT, { recursive: true, force: true });
  mkdirSync(dirname(KEPT), { recursive: true });
  run(debootstrap, "--variant=minbase", "bookworm", KEPT);
  for (const folder of ["var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man"]) {
    rmSync(join(KEPT, folder), { recursive: true, force: true });
  }
  const node = run("npx", "--yes", "--package", NODE, "node", "-p", "process.execPath").trim();
  cpSync(node, join(KEPT, "usr/local/bin/node"), { dereference: true });
  const npm = join(run("npm", "root", "--global").trim(), "npm");
  cpSync(realpathSync(npm), join(KEPT, "usr/local/lib/node_modules/npm"), { recursive: true });
  trustAsHere();
  appendFileSync(join(KEPT, "etc/passwd"), "node:x:1000:1000::/home/node:/bin/bash\n");
  appendFileSync(join(KEPT, "etc/group"), "node:x:1000:\n");
  symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(KEPT, "usr/local/bin/npm"));
}

/** A machine whose npm trusts certificates of its own reaches its registry by them, also from within a build. */
function trustAsHere(): void {
  const authorities = run("npm", "config", "get", "cafile").trim();
  if (!existsSync(authorities)) return;
  mkdirSync(join(KEPT, "etc/ssl/certs"), { recursive: true });
  cpSync(authorities, join(KEPT, "etc/ssl/certs/here.crt"), { dereference: true });
  mkdirSync(join(KEPT, "usr/local/etc"), { recursive: true });
  writeFileSync(join(KEPT, "usr/local/etc/npmrc"), "cafile=/etc/ssl/certs/here.crt\n");
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
