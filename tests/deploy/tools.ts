// Programs that only the tests of what is deployed need: found on this machine, else installed from Debian's packages as
// root, else built by Go into a folder that is kept. Called by the files of this folder before anything is started.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const KEPT = fileURLToPath(new URL("../../.rookery/tools", import.meta.url));
/** Where Debian puts servers, which is not on everybody's PATH. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/sbin"];
const INSTALL_MS = 240_000;

let isListed = false;

/** The program's path; undefined where it is neither there nor can be installed, which is said in one line. */
export function debianTool(name: string, debianPackage: string): string | undefined {
  const found = onPath(name);
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0) return missing(name, `Debian's package ${debianPackage} has it`);
  if (!isListed) run("apt-get", ["update"]);
  isListed = true;
  run("apt-get", ["install", "-y", "--no-install-recommends", debianPackage]);
  return onPath(name) ?? missing(name, `installing ${debianPackage} did not bring it`);
}

/** Built from `module@version` once a checkout; undefined where there is no Go, or the build fails. */
export function goTool(name: string, module: string): string | undefined {
  const built = join(KEPT, name);
  if (existsSync(built)) return built;
  const go = onPath("go");
  if (go === undefined) return missing(name, `Go builds it: go install ${module}`);
  mkdirSync(KEPT, { recursive: true });
  run(go, ["install", module], { GOBIN: KEPT, GOFLAGS: "-mod=mod" });
  return existsSync(built) ? built : missing(name, `go install ${module} did not bring it`);
}

/** How to run a Python package that is a program. */
export interface PythonTool {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Installed by pip beside the checkout, once; `requirement` is `name==version`, and its module the name. */
export function pythonTool(name: string, requirement: string): PythonTool | undefined {
  const home = join(KEPT, name);
  const python = onPath("python3");
  if (python === undefined) return missing(name, `Python runs it: pip install ${requirement}`);
  const quick = ["--quiet", "--no-compile", "--disable-pip-version-check", "--root-user-action", "ignore"];
  const program = join(home, "bin", name);
  if (!existsSync(program)) run(python, ["-m", "pip", "install", ...quick, "--target", home, requirement]);
  if (!existsSync(program)) return missing(name, `pip install ${requirement} did not bring it`);
  return { command: python, args: [program], env: { PYTHONPATH: home, PYTHONDONTWRITEBYTECODE: "1" } };
}

function onPath(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function missing(name: string, how: string): undefined {
  process.stderr.write(`${name} is not on this machine; what needs it is skipped. ${how}.\n`);
  return undefined;
}

function run(command: string, args: readonly string[], env: Record<string, string> = {}): void {
  spawnSync(command, args, {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", ...env },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: INSTALL_MS,
  });
}
