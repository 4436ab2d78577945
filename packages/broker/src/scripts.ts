// Loads the Lua sources beside `src/`, for the rows of script-table.ts. Read once when a connection is made; connect.ts defines
// them, and ioredis resends a source that Redis has forgotten.
// What several scripts do alike lies in `lua/parts` and is put in where a script says `--> name`: as text, since a function
// costs Redis about as much as a small command, and publish.lua runs for every message.
import { readFileSync } from "node:fs";
import { SCRIPTS } from "./script-table.ts";
import type { Script, ScriptName } from "./script-table.ts";

/** What a script may be given. Numbers of 1e14 and more go as strings, since Lua prints them in scientific notation. */
export type ScriptArgument = string | number | Buffer;

type Repeats<Names extends readonly string[]> = Extract<Names[number], `${string}..`>;

type Each<Names extends readonly string[], Given> = { [At in keyof Names]: Given };

/** One argument for each key and argument of a script in which nothing repeats, in that order; else any number of them. */
export type ScriptArguments<Row extends Script> = [Repeats<Row["keys"]> | Repeats<Row["args"]>] extends [never]
  ? [...Each<Row["keys"], string>, ...Each<Row["args"], ScriptArgument>]
  : ScriptArgument[];

/** What a connection is given at its creation. */
export type ScriptDefinitions = Record<string, { lua: string; numberOfKeys?: number }>;

/** Whole sources by command name, read from `lua/`, which lies beside both `src/` and `dist/`. */
export function loadScripts(): ScriptDefinitions {
  const scripts: [string, Script][] = Object.entries(SCRIPTS);
  return Object.fromEntries(
    scripts.map(([name, script]) => {
      const lua = readLua(script.file).replaceAll(PART, (_, part: string) => readLua(`parts/${part}.lua`).trimEnd());
      const numberOfKeys = keyCountOf(script);
      return [name, numberOfKeys === undefined ? { lua } : { lua, numberOfKeys }];
    }),
  );
}

/** A line that names a part. */
const PART = /^ *--> ([a-z-]+)$/gm;

function readLua(file: string): string {
  return readFileSync(new URL(`../lua/${file}`, import.meta.url), "utf8");
}

/** Undefined where it varies from call to call. */
function keyCountOf({ keys }: Script): number | undefined {
  return keys.some((key) => key.endsWith("..")) ? undefined : keys.length;
}

/** Sent many at a time by callers that see to one write themselves: what else is pipelined need not wait for their answers. */
const BY_THEMSELVES: readonly ScriptName[] = ["rookeryNote"];

/**
 * Commands that must not be auto-pipelined. Those whose number of keys varies: it is their first argument, and on a Cluster,
 * ioredis sorts a scripted command into a pipeline by that; with a number as that it would pick the wrong node. And those
 * that go by themselves.
 */
export function unpipelinedScripts(): string[] {
  const scripts: [string, Script][] = Object.entries(SCRIPTS);
  return [...scripts.filter(([, script]) => keyCountOf(script) === undefined).map(([name]) => name), ...BY_THEMSELVES];
}
