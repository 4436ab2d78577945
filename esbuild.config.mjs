// @ts-check
// Makes each process one file in `dist/`, with everything it imports inside. Run by `npm run build` at the root, after tsc,
// which checks and declares types and emits no code. Why: see the README's decisions.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";

/** What is started as a process, by the product, by a bench or by a test. */
const STARTED = [
  "services/edge/src/main.ts",
  "services/api/src/main.ts",
  "services/persister/src/main.ts",
  "packages/cli/src/main.ts",
  "packages/cli/src/dev/run-dev.ts",
  "packages/runtime/src/index.ts",
  "packages/node/src/index.ts",
  "packages/runtime/src/lifecycle.fixture.ts",
  "packages/servers/src/index.ts",
  "loadtest/src/main.ts",
  "loadtest/src/bare-chat-server.ts",
  "loadtest/src/bare-server.ts",
  "loadtest/src/readers.ts",
  "loadtest/src/senders.ts",
  "loadtest/src/connect-crowd.ts",
  "loadtest/src/storm-crowd.ts",
  "lab/src/main.ts",
];

/** What pages import, and whoever else speaks to an edge: for any platform, so without a word to Node. */
const FOR_CLIENTS = ["packages/protocol/src/index.ts", "packages/protocol/src/wire.ts"];

/** Published: with everything of ours inside. */
const PUBLISHED = ["packages/client/src/index.ts", "packages/client/src/react.ts"];

/** They find files of their own beside their code: a native module, a program, a page's assets, the workers of a test run. */
const LEFT_OUTSIDE = ["uWebSockets.js", "esbuild", "@fastify/swagger-ui", "@node-rs/argon2", "vitest"];

/** CommonJS packages ask for Node's own modules by `require`, which an ES module does not have. */
const REQUIRE = 'import { createRequire as from } from "node:module"; const require = from(import.meta.url);';

/** @param {string} source */
const outputOf = (source) => source.replace("/src/", "/dist/").replace(/\.ts$/, ".js");

const inside = ["packages", "services"].flatMap((root) => readdirSync(root).map((name) => join(root, name)));

/** Our files that find Lua, SQL, scripts or packages from where they stand. */
const placed = [...inside, "loadtest", "lab"]
  .flatMap((folder) =>
    readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" }).map((file) => join(folder, "src", file)),
  )
  .filter((file) => file.endsWith(".ts") && readFileSync(file, "utf8").includes("import.meta.url"));

/**
 * Inside a bundle such a file is told the way from the bundle to where it would stand by itself.
 * @param {string} folder of the bundles
 * @returns {import("esbuild").Plugin}
 */
const keepPlaces = (folder) => ({
  name: "keep-places",
  setup(bundling) {
    // Few files, and named: each that esbuild has to ask about costs it a round trip.
    bundling.onLoad({ filter: new RegExp(`(${placed.join("|")})$`) }, ({ path }) => {
      const place = relative(folder, outputOf(relative(process.cwd(), path)));
      const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
      return { contents: readFileSync(path, "utf8").replaceAll("import.meta.url", url), loader: "ts" };
    });
  },
});

/**
 * The decoder of ioredis (6.0.0) is published with its private fields as WeakMaps: each step of the cursor is a look into
 * one, which is half of what a reply costs (4.8 us for an entry of the outbox, 2.4 with plain fields). Inside a bundle they
 * are plain fields again. A build fails when the file no longer looks as it does here.
 * @type {import("esbuild").Plugin}
 */
const plainFields = {
  name: "plain-fields",
  setup(bundling) {
    bundling.onLoad({ filter: /ioredis\/built\/resp\/decoder\.js$/ }, ({ path }) => {
      const contents = PLAIN_FIELDS.reduce((text, [from, to]) => text.replaceAll(from, to), readFileSync(path, "utf8"));
      if (/__classPrivateField.et\(this/.test(contents)) throw new Error(`${path} is not what plainFields knows`);
      return { contents, loader: "js" };
    });
  },
};

/** @type {[RegExp, string][]} */
const PLAIN_FIELDS = [
  [/__classPrivateFieldGet\(this, _Decoder_(cursor|next|pushTypeMapping), "f"\)/g, "this.plain_$1"],
  [/__classPrivateFieldSet\(this, _Decoder_(cursor|next|pushTypeMapping), /g, "set_$1(this, "],
  [/__classPrivateFieldGet\(this, _Decoder_instances, "m", (_Decoder_\w+)\)/g, "$1"],
  [/_Decoder_(cursor|next|pushTypeMapping)\.set\(this, /g, "set_$1(this, "],
  [
    /^class Decoder \{$/gm,
    `${["cursor", "next", "pushTypeMapping"]
      .map((field) => `function set_${field}(decoder, value) { return (decoder.plain_${field} = value); }`)
      .join("\n")}\nclass Decoder {`,
  ],
];

/** @type {Map<string, string[]>} */
const byDepth = new Map();
for (const source of STARTED) {
  const up = relative(dirname(source), ".");
  byDepth.set(up, [...(byDepth.get(up) ?? []), source]);
}

/** @param {string} source */
const entryOf = (source) => ({ in: source, out: outputOf(source).replace(/\.js$/, "") });
/** @type {import("esbuild").BuildOptions} */
const shared = {
  outdir: ".",
  bundle: true,
  format: "esm",
  conditions: ["source"],
  sourcemap: true,
  logLevel: "warning",
};

// Bundles of one depth have the same way to every file, so one build serves them and reads each module once.
await Promise.all([
  ...[...byDepth.values()].map((sources) =>
    build({
      ...shared,
      entryPoints: sources.map(entryOf),
      platform: "node",
      target: "node20",
      external: LEFT_OUTSIDE,
      banner: { js: REQUIRE },
      plugins: [keepPlaces(dirname(outputOf(sources[0] ?? ""))), plainFields],
    }),
  ),
  build({ ...shared, entryPoints: FOR_CLIENTS.map(entryOf), platform: "neutral", target: "es2022" }),
  build({
    ...{ ...shared, sourcemap: false, entryPoints: PUBLISHED.map(entryOf), platform: "neutral", target: "es2022" },
    // Both parts have the client's one half in common: a page that uses both loads it once.
    ...{ splitting: true, chunkNames: "packages/client/dist/common", external: ["react"] },
  }),
]);
