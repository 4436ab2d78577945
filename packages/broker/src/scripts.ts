// The Lua sources beside `src/`: one row per script, with the command name under which each is known to every connection.
// Read once when a connection is made; connect.ts defines them, and ioredis resends a source that Redis has forgotten.
// What several scripts do alike lies in `lua/parts` and is put in where a script says `--> name`: as text, since a function
// costs Redis about as much as a small command, and publish.lua runs for every message.
import { readFileSync } from "node:fs";

/** What a script may be given. Numbers of 1e14 and more go as strings, since Lua prints them in scientific notation. */
export type ScriptArgument = string | number | Buffer;

/**
 * A script as its header tells it, in order. Names that end in `..` stand for as many as there are, and several in a row
 * are given together, one of each, then again.
 */
export interface Script {
  readonly file: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** The outcomes by name, or what stands at each spot of the answer. */
  readonly answers: readonly string[];
  /** A script that frees memory, or must be heard whatever happens, runs in a full Redis too. */
  readonly flags: "allow-oom" | "none";
}

export const SCRIPTS = {
  rookeryPublish: {
    file: "publish.lua",
    keys: ["part", "outbox", "rights", "held", "head..", "log..", "gone..", "topic..", "once..", "slow.."],
    args: [
      ...(["deadline", "floor", "budget", "remembered", "channels"] as const),
      ...(["channel..", "version..", "pause..", "base..", "before..", "messages.."] as const),
      ...(["content..", "after.."] as const),
    ],
    answers: ["ok", "duplicate", "conflict", "late", "stale", "overloaded", "slow_mode", "cold", "broken"],
    flags: "none",
  },
  rookerySave: {
    file: "save.lua",
    keys: ["part", "outbox", "control", "shed", "held", "head..", "log..", "gone.."],
    args: ["last", "bytes", "kept", "idle", "unstored", "reached", "position..", "whose..", "counted.."],
    answers: ["watermark"],
    flags: "allow-oom",
  },
  rookeryPulse: {
    file: "pulse.lua",
    keys: ["probe", "hash.."],
    args: ["parts", "which"],
    answers: ["serving", "fields.."],
    flags: "allow-oom",
  },
  rookeryShed: {
    file: "shed.lua",
    keys: ["shed", "head", "log"],
    args: ["channel", "most", "latest", "mark"],
    answers: ["taken", "bytes", "oldest"],
    flags: "allow-oom",
  },
  rookeryClaim: { file: "claim.lua", keys: ["fact"], args: ["claimed"], answers: ["fact"], flags: "allow-oom" },
  rookeryLease: {
    file: "lease.lua",
    keys: ["lease"],
    args: ["record", "living"],
    answers: ["done"],
    flags: "allow-oom",
  },
  rookeryEnlist: {
    file: "enlist.lua",
    keys: ["nodes"],
    args: ["node", "record"],
    answers: ["done"],
    flags: "allow-oom",
  },
  rookeryHoldOffice: {
    file: "hold-office.lua",
    keys: ["office"],
    args: ["node", "held"],
    answers: ["holds"],
    flags: "allow-oom",
  },
  rookeryWeigh: {
    file: "weigh.lua",
    keys: ["part"],
    args: ["limit", "short", "over", "envelopes"],
    answers: ["known"],
    flags: "allow-oom",
  },
  rookerySurvey: {
    file: "survey.lua",
    keys: ["office", "nodes", "part.."],
    args: ["node", "held"],
    answers: ["in..", "out..", "limit..", "short..", "over..", "envelopes..", "record.."],
    flags: "allow-oom",
  },
  rookeryReadLog: {
    file: "read-log.lua",
    keys: ["head", "part", "log"],
    args: ["direction", "position", "frames", "bytes", "whole", "looks", "which", "beyond"],
    answers: ["epoch", "seq", "saved", "born", "start", "why", "entries"],
    flags: "allow-oom",
  },
} as const satisfies Record<string, Script>;

export type ScriptName = keyof typeof SCRIPTS;

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

/**
 * Commands whose number of keys varies: it is their first argument, and they must not be auto-pipelined. On a Cluster,
 * ioredis sorts a scripted command into a pipeline by its first argument; with a number as that it would pick the
 * wrong node.
 */
export function unpipelinedScripts(): string[] {
  const scripts: [string, Script][] = Object.entries(SCRIPTS);
  return scripts.filter(([, script]) => keyCountOf(script) === undefined).map(([name]) => name);
}
