// Owns the command line of the lab. Called by main.ts. Pure. Must never start anything on a flag that it does not know.
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import type { Break } from "./breaks.ts";
import type { Fault } from "./fault.ts";
import type { Topology } from "./redis-side.ts";
import type { Ack } from "./world.ts";

export interface LabOptions {
  readonly faults: readonly Fault[];
  readonly redis: Topology;
  readonly ack: Ack;
  /** How long each fault is repeated, or the mix goes on; as short as a fault allows when absent. */
  readonly minutes: number | undefined;
  readonly seed: number;
  readonly isMixed: boolean;
  /** Instead of faults: what is broken, to see whether it is found. */
  readonly breaks: readonly Break[];
}

export interface Tables {
  readonly faults: readonly Fault[];
  readonly breaks: readonly Break[];
}

export class UsageError extends Error {}

const TOPOLOGIES: readonly Topology[] = ["single", "sentinel", "cluster"];
const ACKS: readonly Ack[] = ["fast", "safe"];
const LARGEST_SEED = 2 ** 31;

/** Every option with what is told of it; `of` is what follows it. */
const OPTIONS = {
  help: { type: "boolean", short: "h", tells: "print this, and start nothing" },
  list: { type: "boolean", tells: "name every fault and every break, and start nothing" },
  fault: {
    type: "string",
    multiple: true,
    of: "<name>",
    tells: "this fault, several by saying it again; all without it",
  },
  redis: { type: "string", of: "<kind>", tells: `${TOPOLOGIES.join(", ")}; single without it` },
  ack: { type: "string", of: "<mode>", tells: "fast, or safe where Redis has replicas; fast without it" },
  minutes: { type: "string", of: "<n>", tells: "repeat each fault, or go on with mixes, for so long" },
  seed: { type: "string", of: "<n>", tells: "the choices of the run that named this number" },
  mixed: { type: "boolean", tells: "several faults beside one another, mix after mix" },
  break: {
    type: "string",
    multiple: true,
    of: "<name>",
    tells: "take this mechanism out, and see whether that is found",
  },
  prove: { type: "boolean", tells: "every break, one after another" },
} as const;

const EXAMPLE = "npm run lab -- --fault redis-killed --minutes 5 --seed 7";

export function usage(): string {
  const rows = Object.entries(OPTIONS).map(([name, option]) => {
    const left = `--${name}${"of" in option ? ` ${option.of}` : ""}`;
    return `  ${left.padEnd(18)}${option.tells}`;
  });
  return [
    ...["usage: npm run lab -- [options]", "", ...rows, ""],
    ...["Example:", `  ${EXAMPLE}`, ""],
    "Exit code 0: all held. 1: a promise was broken, the cluster did not recover, or a fault was not felt. 2: not understood.",
  ].join("\n");
}

/** Throws a `UsageError` for whatever is not understood. */
export function readOptions(argv: readonly string[], tables: Tables): LabOptions | "help" | "list" {
  const values = parsed(argv);
  if (values.help === true) return "help";
  if (values.list === true) return "list";
  const redis = TOPOLOGIES.find((topology) => topology === (values.redis ?? "single"));
  if (redis === undefined) throw new UsageError(`--redis is one of ${TOPOLOGIES.join(", ")}`);
  const ack = ACKS.find((one) => one === (values.ack ?? "fast"));
  if (ack === undefined) throw new UsageError(`--ack is one of ${ACKS.join(", ")}`);
  if (ack === "safe" && redis === "single") throw new UsageError("--ack safe needs a Redis that has replicas");
  const chosen = named("fault", values.fault ?? [], tables.faults);
  const faults = (chosen.length === 0 ? tables.faults : chosen).filter(({ topologies }) => topologies.includes(redis));
  if (faults.length === 0) throw new UsageError(`none of these faults is injected into ${redis}`);
  const breaks = values.prove === true ? tables.breaks : named("break", values.break ?? [], tables.breaks);
  return {
    ...{ faults, redis, ack, breaks, isMixed: values.mixed === true },
    minutes: numberOf("minutes", values.minutes),
    seed: numberOf("seed", values.seed) ?? randomInt(1, LARGEST_SEED),
  };
}

function named<T extends { readonly name: string }>(kind: string, wanted: readonly string[], all: readonly T[]): T[] {
  const unknown = wanted.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) throw new UsageError(`no ${kind} is called ${unknown.join(", ")}; --list names them`);
  return all.filter(({ name }) => wanted.includes(name));
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (error) {
    // What follows the first sentence is about positional arguments, and there are none.
    const [said = ""] = messageOf(error).split(". ");
    throw new UsageError(said);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function numberOf(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (!(value > 0)) throw new UsageError(`--${name} is a number above 0`);
  return value;
}
