// @ts-check
// What takes too long for every change: the sets below e2e on each version of Node that is supported, and the properties
// with many times their cases, the model of presence on real servers and edges with some times its own, the images, and the
// lab with all its faults on each topology. Run by
// `npm run test:long`, whose arguments go to vitest; the gate never calls it.
// Must never count what it could not run: a version that is not found is named in a line of its own.
import { spawnSync } from "node:child_process";
import { delimiter, dirname } from "node:path";

const FUZZ_TIMES = 50;
/** A case of it takes up to half a minute. */
const MODEL_TIMES = 5;
/** The newest that `engines` takes; the sets run on it too, whatever runs this. */
const NEWEST = 22;
const SETS = ["pure", "os", "servers"].flatMap((name) => ["--project", name]);
const PROPERTIES = ["--project", "pure", ".fuzz.test"];
const MODEL = ["--project", "servers", "--project", "faults", "presence-model."];

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

/** Minutes of the mix of faults on each topology of Redis. */
const MIXED_MINUTES = "20";
const TOPOLOGIES = ["single", "sentinel", "cluster"];

/** @param {readonly string[]} args */
const labHolds = (...args) =>
  spawnSync(process.execPath, ["lab/dist/main.js", ...args], { stdio: "inherit" }).status === 0;

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
outcomes.set(
  `the model of presence, ${MODEL_TIMES} times over`,
  passes(here, MODEL, { TEST_FUZZ_TIMES: String(MODEL_TIMES) }),
);

outcomes.set("the images, where buildah is found", passes(here, ["--project", "images"]));
outcomes.set("the lab finds what is broken on purpose", labHolds("--prove"));
for (const redis of TOPOLOGIES) {
  outcomes.set(`each fault of the lab on ${redis}`, labHolds("--redis", redis));
  outcomes.set(
    `${MIXED_MINUTES} minutes of its faults mixed on ${redis}`,
    labHolds("--redis", redis, "--mixed", "--minutes", MIXED_MINUTES),
  );
}

for (const [what, passed] of outcomes) console.log(`${passed ? "passed" : "FAILED"}: ${what}`);
if (newest === undefined) {
  console.log(`not run: Node ${NEWEST} was found neither at NODE22, nor as node${NEWEST} on PATH, nor by npx`);
}
process.exitCode = [...outcomes.values()].every(Boolean) ? 0 : 1;
