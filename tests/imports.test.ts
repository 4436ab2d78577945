import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

// Who may import whom: the direction in which data flows. A package that is not listed may be imported by nobody.
const MAY_IMPORT: Record<string, readonly string[]> = {
  "packages/protocol": ["typebox"],
  "packages/client": ["@rookery/protocol", "react"],
  "packages/web": ["preact", "gemoji", ...ours("client", "protocol")],
  "packages/runtime": ["typebox", "yaml", "pino", "prom-client"],
  "packages/auth": ["jose", "@node-rs/argon2", "@rookery/protocol"],
  "packages/rights": ["@rookery/protocol"],
  "packages/servers": [],
  "packages/broker": ["@rookery/protocol", "ioredis"],
  "packages/store": ["@rookery/protocol", "postgres"],
  "packages/node": ours("protocol", "runtime", "auth", "broker", "store"),
  "packages/cli": [
    "commander",
    "ws",
    ...ours("protocol", "client", "runtime", "auth", "servers", "broker", "store", "node"),
  ],
  "packages/testkit": [
    "ws",
    "esbuild",
    "postgres",
    "ioredis",
    "vitest",
    ...ours("protocol", "runtime", "auth", "servers", "broker", "store", "node"),
  ],
  "services/edge": [
    "uWebSockets.js",
    "nanoid",
    ...ours("protocol", "broker", "runtime", "auth", "store", "node", "rights"),
  ],
  "services/api": [
    "fastify",
    "@fastify/swagger",
    "@fastify/swagger-ui",
    "@fastify/static",
    "@fastify/helmet",
    "@fastify/rate-limit",
    "nanoid",
    "typebox",
    ...ours("protocol", "broker", "runtime", "auth", "store", "node", "rights"),
  ],
  "services/persister": ours("protocol", "broker", "runtime", "store", "node"),
  loadtest: ["ws", "ioredis", "postgres", "uWebSockets.js", ...ours("protocol", "auth", "broker", "store", "servers")],
  lab: ["ioredis", "postgres", ...ours("auth", "servers", "store", "testkit")],
};
/** Services that a package starts as processes: declared so that they are installed, imported by nobody. */
const STARTS_PROCESSES: Record<string, readonly string[]> = {
  "packages/cli": ours("edge", "api", "persister"),
  loadtest: ours("edge", "api", "persister"),
  lab: ours("edge", "api", "persister"),
};
/** Published with what it imports inside, so that it depends on nothing: what it imports it declares for development. */
const PUBLISHED = new Set(["packages/client"]);
/** These look at real servers past the project's own code, on purpose. */
const PAST_OUR_CODE = new Set(["packages/testkit", "loadtest"]);
/** One file of a package knows the driver; everybody else knows that file. */
const DRIVERS = ["ioredis", "postgres", "uWebSockets.js", "pino", "prom-client", "yaml"];

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly isType: boolean;
}

function ours(...names: string[]): string[] {
  return names.map((name) => `@rookery/${name}`);
}

/** Ways into a package besides its index, for those who must not load the rest of it, or have what it needs. */
const LIGHT_ENTRIES: ReadonlySet<string> = new Set(["@rookery/protocol/wire", "@rookery/client/react"]);

const isTest = (file: string): boolean => /\.(test|suite|bench)\.ts$/.test(file);

function importsOf(folder: string): Import[] {
  const files = readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(folder, "src", file), "utf8");
      const found = text.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm);
      return [...found].map((match) => ({ file, specifier: match[2] ?? "", isType: match[1] !== undefined }));
    });
}

/** `@scope/name/deep` -> `@scope/name`; relative and `node:` specifiers are no packages. */
function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith(".") || specifier.startsWith("node:")) return undefined;
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

const folders: readonly string[] = [
  ...["packages", "services"].flatMap((root) => readdirSync(root).map((name) => `${root}/${name}`)),
  "loadtest",
  "lab",
];

/** Each file of ours -> the files of ours that it imports. Test files are files too. */
function fileGraph(): Map<string, readonly string[]> {
  const sources = [...folders.map((folder) => join(folder, "src")), "tests"];
  return new Map(
    sources.flatMap((source) =>
      readdirSync(source, { recursive: true, encoding: "utf8" })
        .filter((file) => /\.tsx?$/.test(file))
        .map((file) => {
          const path = join(source, file);
          const found = readFileSync(path, "utf8").matchAll(FILE_IMPORT);
          return [path, [...found].map((match) => normalize(join(dirname(path), match[1] ?? "")))] as const;
        }),
    ),
  );
}

const FILE_IMPORT = /(?:^\s*(?:import|export)\s+(?:[^"';]*?\sfrom\s+)?|\bimport\()"(\.[^"]+)"/gm;

/** The start itself is one of them. */
function reachedFrom(start: string, graph: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set([start]);
  for (const file of reached) for (const next of graph.get(file) ?? []) reached.add(next);
  return reached;
}

/** Each group of files that reach one another, by name. */
function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const reach = new Map([...graph.keys()].map((file) => [file, reachedBeyond(file, graph)]));
  const circles = [...graph.keys()]
    .filter((file) => reach.get(file)?.has(file) === true)
    .map((file) => [...graph.keys()].filter((other) => reach.get(file)?.has(other) && reach.get(other)?.has(file)));
  return [...new Set(circles.map((circle) => circle.toSorted().join("\n")))].map((text) => text.split("\n"));
}

/** Without the start, unless it is reached again. */
function reachedBeyond(start: string, graph: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set(graph.get(start) ?? []);
  for (const file of reached) for (const next of graph.get(file) ?? []) reached.add(next);
  return reached;
}

describe("imports", () => {
  it("cover every package of the workspace", () => {
    expect(Object.keys(MAY_IMPORT).toSorted()).toEqual(folders.toSorted());
  });

  describe.each(folders)("%s", (folder) => {
    const imports = importsOf(folder);
    const manifest: { dependencies?: object; devDependencies?: object; peerDependencies?: object } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    );
    const inside = PUBLISHED.has(folder) ? { ...manifest.devDependencies, ...manifest.peerDependencies } : {};
    const declared = Object.keys({ ...manifest.dependencies, ...inside });

    it("imports only what the direction of data allows, and declares it", () => {
      const product = imports.filter(({ file }) => !isTest(file));
      const packages = new Set(
        product.map(({ specifier }) => packageOf(specifier)).filter((name) => name !== undefined),
      );
      expect([...packages].filter((name) => !MAY_IMPORT[folder]?.includes(name))).toEqual([]);
      expect([...packages].filter((name) => name !== "vitest" && !declared.includes(name))).toEqual([]);
    });

    it("declares nothing that it may not import", () => {
      const services = STARTS_PROCESSES[folder] ?? [];
      expect(declared.filter((name) => ![...(MAY_IMPORT[folder] ?? []), ...services].includes(name))).toEqual([]);
    });

    it("reaches into no other package", () => {
      const deep = imports.filter(
        ({ specifier }) =>
          (/^@rookery\/[^/]+\//.test(specifier) && !LIGHT_ENTRIES.has(specifier)) || specifier.includes("/src/"),
      );
      expect(deep).toEqual([]);
    });
  });

  it.each(folders.filter((folder) => !PAST_OUR_CODE.has(folder)))(
    "%s has one file for each third-party driver",
    (folder) => {
      const product = importsOf(folder).filter(({ file, isType }) => !isTest(file) && !isType);
      for (const driver of DRIVERS) {
        const files = product.filter(({ specifier }) => packageOf(specifier) === driver).map(({ file }) => file);
        expect(new Set(files).size, driver).toBeLessThanOrEqual(1);
      }
    },
  );

  it("make no circle among files, types included", () => {
    const graph = fileGraph();
    expect(graph.size).toBeGreaterThan(300);
    expect(circlesOf(graph)).toEqual([]);
  });

  it("find a circle of files where there is one", () => {
    const graph = new Map([
      ["a.ts", ["b.ts", "d.ts"]],
      ["b.ts", ["c.ts"]],
      ["c.ts", ["a.ts"]],
      ["d.ts", []],
    ]);
    expect(circlesOf(graph)).toEqual([["a.ts", "b.ts", "c.ts"]]);
  });

  it("let nothing that knows Redis into the relay position", () => {
    const graph = fileGraph();
    const reached = reachedFrom("packages/broker/src/relay-position.ts", graph);
    const imports = importsOf("packages/broker").filter(({ file }) => reached.has(join("packages/broker/src", file)));
    const packages = new Set(imports.map(({ specifier }) => packageOf(specifier)).filter((name) => name !== undefined));
    expect([...packages]).toEqual(["@rookery/protocol"]);
    expect([...reached].map((file) => file.replace("packages/broker/src/", "")).toSorted()).toEqual([
      "correction.ts",
      "envelope.ts",
      "held-envelopes.ts",
      "relay-position.ts",
    ]);
  });

  it("lead a frame of a client one way: listener, intake, dispatch, command", () => {
    const graph = fileGraph();
    const src = "services/edge/src";
    const way = ["listener.ts", "door.ts", "intake.ts", "dispatch.ts"].map((file) => join(src, file));
    const commands = [...graph.keys()].filter((file) => file.startsWith(join(src, "commands")));
    expect(way.filter((file) => !graph.has(file))).toEqual([]);
    expect(commands.length).toBeGreaterThan(5);
    const behind = new Map([
      ...commands.map((file) => [file, way] as const),
      [join(src, "dispatch.ts"), way.slice(0, 3)] as const,
      [join(src, "session.ts"), way] as const,
      [join(src, "intake.ts"), way.slice(0, 2)] as const,
    ]);
    const backwards = [...behind].flatMap(([file, before]) =>
      before.filter((one) => reachedBeyond(file, graph).has(one)).map((one) => `${file} -> ${one}`),
    );
    expect(backwards).toEqual([]);
  });

  it("make no circle among the packages", () => {
    const visiting = new Set<string>();
    const visit = (folder: string): void => {
      expect(visiting, `circle at ${folder}`).not.toContain(folder);
      visiting.add(folder);
      for (const name of MAY_IMPORT[folder] ?? []) {
        if (name.startsWith("@rookery/")) visit(`packages/${name.slice("@rookery/".length)}`);
      }
      visiting.delete(folder);
    };
    for (const folder of folders) visit(folder);
  });
});
