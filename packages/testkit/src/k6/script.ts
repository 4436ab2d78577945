// Owns a load script as text, and loads it once for each virtual user: by itself, with k6's globals and nothing of Node's.
// Called by run.ts. Must never lend one user what another has.
import { readFileSync } from "node:fs";
import { createContext, Script } from "node:vm";
import { createEventLoop } from "./event-loop.ts";
import type { EventLoop } from "./event-loop.ts";
import type { Registry } from "./metrics.ts";
import { modulesOf } from "./modules.ts";

/** What the script's `options` say, as far as ours say anything. */
export interface LoadOptions {
  readonly scenarios?: Readonly<Record<string, Scenario>>;
  readonly thresholds?: Readonly<Record<string, readonly string[]>>;
  readonly summaryTrendStats?: readonly string[];
}

export interface Scenario {
  readonly executor: string;
  readonly exec: string;
  readonly vus: number;
  readonly iterations?: number;
  readonly duration?: string;
  readonly maxDuration?: string;
  readonly gracefulStop?: string;
}

export interface LoadedScript {
  readonly options: LoadOptions;
  readonly loop: EventLoop;
  /** An exported function by its name; undefined where the script has none. */
  exported: (name: string) => ((data: unknown) => unknown) | undefined;
}

export interface ScriptSource {
  /** Throws what the script throws while it is loaded. */
  load: (vu: number) => LoadedScript;
}

export interface SourceOptions {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
  readonly registry: Registry;
  readonly log: (line: string) => void;
}

type Exports = Readonly<Record<string, unknown>>;

/** One file with everything it imports but k6's own modules. */
const bundle = async (file: string): Promise<string> => {
  // Loaded by whoever runs a script, and by nobody else who uses this package.
  const { build } = await import("esbuild");
  const made = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: "cjs",
    platform: "neutral",
    target: "es2022",
    external: ["k6", "k6/*"],
    logLevel: "silent",
  });
  return made.outputFiles[0]?.text ?? "";
};

export const readScript = async ({ file, env, registry, log }: SourceOptions): Promise<ScriptSource> => {
  const text = await bundle(file);
  const script = new Script(`(function (module, exports, require) {${text}\n})`, { filename: file });
  const shared = new Map<string, readonly unknown[]>();
  return {
    load: (vu) => {
      const loop = createEventLoop();
      let isLoading = true;
      const modules = modulesOf({ loop, registry, vu, shared, isLoading: () => isLoading });
      const module: { exports: Exports } = { exports: {} };
      const require = (name: string): unknown => {
        const found = modules[name];
        if (found === undefined) throw new Error(`no module ${name} here`);
        return found;
      };
      const open = (path: string): string => {
        if (!isLoading) throw new Error("files are opened while a script is loaded");
        return readFileSync(path, "utf8");
      };
      const console = { log, error: log, warn: log };
      const context = createContext({ __ENV: { ...env }, __VU: vu, console, open });
      const start: unknown = script.runInContext(context);
      if (typeof start !== "function") throw new Error(`${file} is no script`);
      Reflect.apply(start, undefined, [module, module.exports, require]);
      isLoading = false;
      return {
        loop,
        options: optionsOf(module.exports),
        exported: (name) => {
          const found = module.exports[name];
          return typeof found === "function" ? (data) => Reflect.apply(found, undefined, [data]) : undefined;
        },
      };
    },
  };
};

const optionsOf = (exports: Exports): LoadOptions => {
  const { options } = exports;
  const copy: LoadOptions = JSON.parse(JSON.stringify(options ?? {}));
  return copy;
};
