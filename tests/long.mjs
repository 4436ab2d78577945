// @ts-check
// What takes too long for every change: the sets below e2e on each version of Node that is supported, and the properties
// with many times their cases. Run by `npm run test:long`, whose arguments go to vitest; the gate never calls it.
// Must never count what it could not run: a version that is not found is named in a line of its own.
import { spawnSync } from "node:child_process";
import { delimiter, dirname } from "node:path";

const FUZZ_TIMES = 50;
/** The newest that `engines` takes; the sets run on it too, whatever runs this. */
const NEWEST = 22;
const SETS = ["pure", "os", "servers"].flatMap((name) => ["--project", name]);
const PROPERTIES = ["--project", "pure", ".fuzz.test"];

/**
 * Where Node stands, if this command line starts the newest version.
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {string | undefined}
 */
const newestBy = (program, ...args) => {
  const asked = spawnSync(program, [...args, "-p", "`${process.versions.node} ${process.execPath}`"], {
    encoding: "utf8",
  });
  const found = new RegExp(`^${NEWEST}\\.\\S+ (.+)$`, "m").exec(asked.stdout ?? "");
  return asked.status === 0 ? found?.[1] : undefined;
};

/**
 * @param {string} node
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string>>} more
 */
const passes = (node, args, more = {}) => {
  // What a test starts by name is to be of the same version.
  const env = { ...process.env, ...more, PATH: [dirname(node), process.env["PATH"]].join(delimiter) };
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "--reporter=default", ...args, ...process.argv.slice(2)];
  return spawnSync(node, vitest, { env, stdio: "inherit" }).status === 0;
};

const here = process.execPath;
const newest =
  newestBy(process.env["NODE22"] ?? `node${NEWEST}`) ??
  newestBy(here) ??
  newestBy("npx", "--yes", "--package", `node@${NEWEST}`, "node");

/** @type {Map<string, boolean>} */
const outcomes = new Map();
for (const node of new Set([here, ...(newest === undefined ? [] : [newest])]))
  outcomes.set(`the sets below e2e with ${node}`, passes(node, SETS));
outcomes.set(
  `the properties, ${FUZZ_TIMES} times over`,
  passes(here, PROPERTIES, { TEST_FUZZ_TIMES: String(FUZZ_TIMES) }),
);

for (const [what, passed] of outcomes) console.log(`${passed ? "passed" : "FAILED"}: ${what}`);
if (newest === undefined) {
  console.log(`not run: Node ${NEWEST} was found neither at NODE22, nor as node${NEWEST} on PATH, nor by npx`);
}
process.exitCode = [...outcomes.values()].every(Boolean) ? 0 : 1;
