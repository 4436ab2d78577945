// Owns the proof that the lab finds what it is there to find: each break of the table is built and run under the fault that
// is to catch it. Called by main.ts. Must never call a break caught by anything else than a rule that it names.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Break } from "./breaks.ts";
import type { Fault } from "./fault.ts";
import type { Random } from "./random.ts";
import { runFaults } from "./run.ts";
import { buildVariant } from "./variant.ts";
import type { Outcome } from "./verdict.ts";
import { startWorld } from "./world.ts";

export interface Proof {
  readonly name: string;
  readonly isCaught: boolean;
  readonly outcome: Outcome;
  /** The rules that were seen broken. */
  readonly rules: readonly string[];
}

export interface ProveOptions {
  readonly broken: Break;
  readonly faults: readonly Fault[];
  readonly repository: string;
  /** For the variant, which is removed, and for histories, which are kept. */
  readonly folder: string;
  readonly random: Random;
}

export async function prove({ broken, faults, repository, folder, random }: ProveOptions): Promise<Proof> {
  const { name, caughtBy, rules: expected, edits } = broken;
  const fault = faults.find((one) => one.name === caughtBy);
  if (fault === undefined) throw new Error(`no fault is called ${caughtBy}`);
  const root = join(folder, `variant-${name}`);
  await buildVariant({ repository, folder: root, edits });
  const world = await startWorld({ topology: "single", root, folder: join(folder, `logs-${name}`) });
  try {
    const outcome = await runFaults({ world, faults: [fault], name, folder, random });
    const rules = [...new Set(outcome.violations.map(({ rule }) => rule))];
    return { name, outcome, rules, isCaught: rules.some((rule) => expected.includes(rule)) };
  } finally {
    await world.stop();
    await rm(root, { recursive: true, force: true });
  }
}
