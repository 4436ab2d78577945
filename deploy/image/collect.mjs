// @ts-check
// Lays out what one image holds: `node deploy/image/collect.mjs <part> <folder>`, run by the Dockerfile once the bundles are
// built. Every path is that of the checkout, since bundles find their files by where they stand. Must never take more than
// the part needs: of packages only what its bundle imports from outside, of native modules only this platform's.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";

/** What every bundle reads beside itself. */
const SHARED = ["LICENSE", "NOTICE", "packages/broker/lua", "packages/store/sql", "packages/runtime/package.json"];

/** @type {Readonly<Record<string, { bundle: string, files: readonly string[] }>>} */
const PARTS = {
  edge: service("edge"),
  api: service("api", ["packages/web/dist/page"]),
  persister: service("persister"),
  migrate: {
    bundle: "packages/cli/dist/main.js",
    files: ["packages/cli/package.json", "packages/cli/bin"],
  },
};

/**
 * @param {string} name
 * @param {readonly string[]} files
 */
function service(name, files = []) {
  return {
    bundle: `services/${name}/dist/main.js`,
    files: [`services/${name}/package.json`, "deploy/image/health.mjs", ...files],
  };
}

/**
 * Packages that a bundle imports while it runs; what it only mentions in a string is not installed under that name.
 * @param {string} bundle
 */
const importedBy = (bundle) =>
  [...readFileSync(bundle, "utf8").matchAll(/^import [^;"]*"([^"]+)";$|\bimport\("([^"]+)"\)/gm)]
    .map(([, atTop, later]) => atTop ?? later ?? "")
    .filter((name) => /^[@a-z]/i.test(name) && !isBuiltin(name));

/**
 * Where a package stands for one that asks for it from `folder`: the nearest `node_modules` above that has it.
 * @param {string} name
 * @param {string} folder
 * @returns {string | undefined}
 */
const installed = (name, folder) => {
  const here = join(folder, "node_modules", name);
  if (existsSync(join(here, "package.json"))) return here;
  return folder === "." ? undefined : installed(name, dirname(folder));
};

/**
 * The packages themselves and all that they depend on, by folder. Native modules come as optional dependencies, of which
 * npm installed those of this platform.
 * @param {readonly string[]} names
 * @param {string} from
 * @param {Set<string>} folders
 */
const closure = (names, from, folders = new Set()) => {
  for (const name of names) {
    const folder = installed(name, from);
    if (folder === undefined || folders.has(folder)) continue;
    folders.add(folder);
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    );
    closure(Object.keys({ ...dependencies, ...optionalDependencies }), folder, folders);
  }
  return folders;
};

/**
 * The repackaged uWebSockets.js carries a binary for every platform and version of Node, 133 MB of them.
 * @param {string} folder
 */
const keepOwnBinary = (folder) => {
  const own = `uws_${process.platform}_${process.arch}_${process.versions.modules}.node`;
  const binaries = readdirSync(folder).filter((file) => file.endsWith(".node"));
  if (!binaries.includes(own)) throw new Error(`uWebSockets.js has no ${own}`);
  for (const file of binaries) if (file !== own) rmSync(join(folder, file));
};

const [name = "", target = ""] = process.argv.slice(2);
const part = PARTS[name];
if (part === undefined || target === "") {
  throw new Error(`usage: collect.mjs <${Object.keys(PARTS).join("|")}> <folder>`);
}
const missing = importedBy(part.bundle).filter((each) => installed(each, ".") === undefined);
if (missing.length > 0) throw new Error(`${part.bundle} imports ${missing.join(", ")}, which is not installed`);
for (const path of [...SHARED, ...part.files, part.bundle, ...closure(importedBy(part.bundle), ".")]) {
  mkdirSync(dirname(join(target, path)), { recursive: true });
  cpSync(path, join(target, path), { recursive: true });
}
const uws = join(target, "node_modules/uWebSockets.js/dist/bin");
if (existsSync(uws)) keepOwnBinary(uws);
