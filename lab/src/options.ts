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

/** Throws a `UsageError` for whatever is not understood. */
export function readOptions(argv: readonly string[], tables: Tables): LabOptions | "list" {
  const values = parsed(argv);
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
    return parseArgs({
      args: [...argv],
      options: {
        list: { type: "boolean" },
        fault: { type: "string", multiple: true },
        redis: { type: "string" },
        ack: { type: "string" },
        minutes: { type: "string" },
        seed: { type: "string" },
        mixed: { type: "boolean" },
        break: { type: "string", multiple: true },
        prove: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function numberOf(name: string, given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (!(value > 0)) throw new UsageError(`--${name} is a number above 0`);
  return value;
}
