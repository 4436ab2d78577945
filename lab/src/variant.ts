// Owns a variant of this repository: its sources with one mechanism broken, built as the product is, in a folder of its own.
// Called by prove.ts and main.ts. Must never change a file of the repository, and never build where a text is not found.
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { Edit } from "./breaks.ts";

const COPIED = ["packages", "services", "loadtest", "lab", "esbuild.config.mjs", "package.json", "tsconfig.base.json"];
const LEFT_OUT = new Set(["dist", "node_modules"]);
const SCOPE = "@rookery";
const MOST_TOLD = 2_000;

export interface Variant {
  readonly repository: string;
  /** Absent yet. */
  readonly folder: string;
  readonly edits: readonly Edit[];
}

/** Resolves once its services can be started. */
export async function buildVariant({ repository, folder, edits }: Variant): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of COPIED) {
    await cp(join(repository, name), join(folder, name), {
      recursive: true,
      filter: (source) => !LEFT_OUT.has(basename(source)),
    });
  }
  await linkModules(repository, folder);
  for (const edit of edits) {
    const file = join(folder, edit.file);
    await writeFile(file, edited(await readFile(file, "utf8"), edit));
  }
  await promisify(execFile)(process.execPath, ["esbuild.config.mjs"], { cwd: folder }).catch((error: unknown) => {
    throw new Error(`the variant cannot be built: ${String(error).slice(0, MOST_TOLD)}`, { cause: error });
  });
}

/** Throws unless the text stands there exactly once. */
export function edited(source: string, { file, text, instead }: Edit): string {
  const parts = source.split(text);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${text}`);
  return parts.join(instead);
}

/** What others made is shared; what is ours is found in the variant. */
async function linkModules(repository: string, folder: string): Promise<void> {
  const modules = join(folder, "node_modules");
  await mkdir(join(modules, SCOPE), { recursive: true });
  for (const name of await readdir(join(repository, "node_modules"))) {
    if (name !== SCOPE) await symlink(join(repository, "node_modules", name), join(modules, name));
  }
  const roots = ["packages", "services"];
  const inside = await Promise.all(
    roots.map(async (root) => (await readdir(join(folder, root))).map((name) => [root, name])),
  );
  for (const path of inside.flat()) await symlink(join(folder, ...path), join(modules, SCOPE, path.at(-1) ?? ""));
}
