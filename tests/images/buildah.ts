// Owns a store of images for one run of a test: every call of buildah goes to it, and it is removed with all that it holds.
// Called by the test of the images. No daemon, no registry, no network of its own: chroot, and the host's network.
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));

/** What an image says of how it is run. */
export interface ImageConfig {
  readonly User: string;
  readonly WorkingDir: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Healthcheck?: { readonly Test: readonly string[] };
}

export interface Given {
  /** Beside the image's own. */
  readonly env: Readonly<Record<string, string>>;
  /** Files that it finds under `/run/secrets`, each by itself, as compose and Kubernetes mount them. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface Buildah {
  /** Runs to its end; throws when that is a bad one. */
  readonly run: (...args: string[]) => void;
  /** The same, with what it printed. */
  readonly text: (...args: string[]) => string;
  readonly build: (target: string) => void;
  readonly config: (image: string) => ImageConfig;
  /** Where a container's files are seen from here. */
  readonly rootOf: (container: string) => string;
  /** A command of a container in the foreground, as its own user. */
  readonly start: (container: string, command: readonly string[], given: Given) => ChildProcess;
  readonly remove: () => void;
}

export function openStore(program: string): Buildah {
  const store = mkdtempSync(join(tmpdir(), "rookery-images-"));
  const env = { ...process.env, BUILDAH_ISOLATION: "chroot" };
  // Which driver is buildah's to find out, unless somebody knows better: overlay takes minutes less than vfs.
  const driver = process.env["STORAGE_DRIVER"];
  const places = [
    ...(driver === undefined ? [] : ["--storage-driver", driver]),
    ...["--root", join(store, "root"), "--runroot", join(store, "run")],
  ];
  const text = (...args: string[]): string =>
    execFileSync(program, [...places, ...args], { encoding: "utf8", env, stdio: ["ignore", "pipe", "inherit"] }).trim();
  const run = (...args: string[]): void =>
    void execFileSync(program, [...places, ...args], { env, stdio: ["ignore", "ignore", "inherit"] });
  return {
    run,
    text,
    build: (target) =>
      run(
        ...["build", "--quiet", "--layers", "--pull-never", "--network", "host", "--format", "docker"],
        ...["--target", target, "--tag", `rookery-${target}`, CHECKOUT],
      ),
    config: (image) => {
      const told: { Docker: { config: ImageConfig } } = JSON.parse(text("inspect", "--type", "image", image));
      return told.Docker.config;
    },
    rootOf: (container) => text("mount", container),
    start: (container, command, given) => {
      const variables = Object.entries(given.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
      const mounts = Object.entries(given.secrets).flatMap(([name, file]) => [
        ...["--volume", `${file}:/run/secrets/${name}:ro`],
      ]);
      const args = ["run", "--network", "host", ...mounts, ...variables, container, "--", ...command];
      return spawn(program, [...places, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    },
    remove() {
      for (const mounted of mountsBelow(store)) execFileSync("umount", [mounted]);
      rmSync(store, { recursive: true, force: true });
    },
  };
}

/** The deepest first. */
function mountsBelow(folder: string): string[] {
  const mounted = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  return mounted.filter((place) => place.startsWith(`${folder}/`)).toReversed();
}

/** The process that a container's command became, below the one that started it; undefined until it is there. */
export function commandProcess(starter: number, program: string): number | undefined {
  const parents = new Map(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(name)]),
  );
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (pid === starter || isBelow(parents.get(pid)));
  return [...parents.keys()].find((pid) => pid !== starter && isBelow(pid) && programOf(pid) === program);
}

function parentOf(pid: string): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(file, "utf8"))?.[1]);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function programOf(pid: number): string | undefined {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** It ended between two looks, or is on its way out. */
function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && ["ENOENT", "ESRCH", "EACCES"].includes(String(error.code));
}
