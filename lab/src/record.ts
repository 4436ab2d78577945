// Owns the file that makes a kept run understood: under which seed and options it was made, what to say to repeat it, and what
// came of it. Made by main.ts, and written anew after each outcome, so that a run which was interrupted has it too.
// Must never hold what the histories beside it hold: of broken rules it has the first few.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LabOptions } from "./options.ts";
import type { Proof } from "./prove.ts";
import type { Outcome } from "./verdict.ts";

export const RECORD_FILE = "run.json";
const MOST_VIOLATIONS = 20;

/** What was injected together, and the seed of its own choices: alone it is repeated by that. */
export interface Play {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly outcome: Outcome;
}

export interface Recorded {
  readonly options: LabOptions;
  readonly startedAt: Date;
  readonly plays: readonly Play[];
  readonly proofs: readonly Proof[];
}

export interface RunRecord {
  addPlay(play: Play): Promise<void>;
  addProof(proof: Proof): Promise<void>;
}

/** Resolves once the file is there. */
export async function startRecord(folder: string, options: LabOptions): Promise<RunRecord> {
  const plays: Play[] = [];
  const proofs: Proof[] = [];
  const startedAt = new Date();
  const write = (): Promise<void> =>
    writeFile(
      join(folder, RECORD_FILE),
      `${JSON.stringify(recordOf({ options, startedAt, plays, proofs }), null, 2)}\n`,
    );
  await write();
  return {
    addPlay: (play) => {
      plays.push(play);
      return write();
    },
    addProof: (proof) => {
      proofs.push(proof);
      return write();
    },
  };
}

export function recordOf({ options, startedAt, plays, proofs }: Recorded) {
  const { seed, redis, ack, minutes = null, isMixed, faults, breaks } = options;
  const names = (all: readonly { readonly name: string }[]): string[] => all.map(({ name }) => name);
  return {
    ...{ seed, startedAt: startedAt.toISOString(), node: process.version, repeat: commandOf(options) },
    options: { redis, ack, minutes, mixed: isMixed, faults: names(faults), breaks: names(breaks) },
    table: plays.map((play) => ({ seed: play.seed, faults: play.faults, ...rowOf(play.outcome) })),
    proofs: proofs.map(({ name, isCaught, rules, outcome }) => ({ break: name, isCaught, rules, ...rowOf(outcome) })),
  };
}

/** The row of the table, and what stands under it. */
function rowOf({ violations, ...row }: Outcome) {
  const { name, injected, counts, lost, duplicated, disordered, otherwise, recoveryMs, verdict } = row;
  const { sent, senders, acknowledged, unknown, delivered, gaps } = counts;
  return {
    ...{ name, verdict, injected, sent, senders, acknowledged, unknown, delivered, gaps },
    ...{ lost, duplicated, disordered, other: otherwise, recoveryMs, reasons: row.reasons },
    ...{ violations: violations.length, firstViolations: violations.slice(0, MOST_VIOLATIONS) },
  };
}

/** What is the same without being said is left out, but for the faults: a later version may have more of them. */
function commandOf({ seed, redis, ack, minutes, isMixed, faults, breaks }: LabOptions): string {
  const chosen =
    breaks.length > 0 ? breaks.map(({ name }) => ["break", name]) : faults.map(({ name }) => ["fault", name]);
  const said = [
    ...chosen.map(([kind, name]) => `--${kind} ${name}`),
    ...(redis === "single" ? [] : [`--redis ${redis}`]),
    ...(ack === "fast" ? [] : [`--ack ${ack}`]),
    ...(minutes === undefined ? [] : [`--minutes ${minutes}`]),
    ...(isMixed ? ["--mixed"] : []),
    `--seed ${seed}`,
  ];
  return `npm run lab -- ${said.join(" ")}`;
}
