// The Lua sources beside `src/` and the command name under which each is known to every connection.
// Read once when the package is loaded; connect.ts defines them, and ioredis resends a source that Redis has forgotten.
// A script whose number of keys varies takes that number as its first argument and never goes through a shared pipeline.
import { readFileSync } from "node:fs";

/** What a script may be given. Numbers of 1e14 and more go as strings, since Lua prints them in scientific notation. */
export type ScriptArgument = string | number | Buffer;

/** `keyCount` is left out where the number of keys varies. */
export interface Script {
  readonly file: string;
  readonly keyCount?: number;
}

export const SCRIPTS = {
  rookeryPublish: { file: "publish.lua", keyCount: 10 },
  rookerySave: { file: "save.lua" },
  rookeryPulse: { file: "pulse.lua" },
  rookeryShed: { file: "shed.lua", keyCount: 3 },
  rookeryClaim: { file: "claim.lua", keyCount: 1 },
  rookeryLease: { file: "lease.lua", keyCount: 1 },
  rookeryEnlist: { file: "enlist.lua", keyCount: 1 },
  rookeryHoldOffice: { file: "hold-office.lua", keyCount: 1 },
  rookeryWeigh: { file: "weigh.lua", keyCount: 1 },
  rookeryReadLog: { file: "read-log.lua", keyCount: 3 },
} as const satisfies Record<string, Script>;

/** What a connection is given at its creation. */
export type ScriptDefinitions = Record<string, { lua: string; numberOfKeys?: number }>;

/** Sources by command name, read from `lua/`, which lies beside both `src/` and `dist/`. */
export function loadScripts(): ScriptDefinitions {
  const scripts: [string, Script][] = Object.entries(SCRIPTS);
  return Object.fromEntries(
    scripts.map(([name, { file, keyCount }]) => {
      const lua = readFileSync(new URL(`../lua/${file}`, import.meta.url), "utf8");
      return [name, keyCount === undefined ? { lua } : { lua, numberOfKeys: keyCount }];
    }),
  );
}

/**
 * Commands that must not be auto-pipelined. On a Cluster, ioredis sorts a scripted command into a pipeline by its first
 * argument; with a number of keys in that place it would pick the wrong node.
 */
export function unpipelinedScripts(): string[] {
  const scripts: [string, Script][] = Object.entries(SCRIPTS);
  return scripts.filter(([, script]) => script.keyCount === undefined).map(([name]) => name);
}
