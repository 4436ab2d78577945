// Owns what a run comes to: a row of the table, and why it is no good when it is not. Called by run.ts and main.ts. Pure.
// Must never let a run pass in which too little happened: "did not bite" is a failure like any other.
import type { Violation } from "@rookery/testkit";
import type { Fault } from "./fault.ts";
import type { Counts, Seen } from "./seen.ts";

export interface Ended {
  readonly name: string;
  readonly faults: readonly Fault[];
  readonly folder: string;
  readonly injected: ReadonlyMap<Fault, number>;
  readonly seen: Seen;
  readonly recoveriesMs: readonly number[];
  readonly violations: readonly Violation[];
  /** What kept the run from going as it should. */
  readonly troubles: readonly string[];
  readonly isQuiet: boolean;
  readonly excerpt: readonly string[];
}

export interface Outcome {
  readonly name: string;
  readonly folder: string;
  readonly injected: number;
  readonly counts: Counts;
  readonly lost: number;
  readonly duplicated: number;
  readonly disordered: number;
  readonly otherwise: number;
  readonly recoveryMs: number;
  /** `held`, or in a few words what was wrong. */
  readonly verdict: "held" | "BROKEN" | "did not bite" | "did not recover";
  readonly reasons: readonly string[];
  readonly violations: readonly Violation[];
  readonly excerpt: readonly string[];
}

export interface Amounts {
  readonly sends: number;
  readonly senders: number;
}

export const LEAST: Amounts = { sends: 2_000, senders: 8 };

/** The column in which a broken rule is counted; what is not named here is counted under none of the three. */
const COLUMNS: Readonly<Record<string, "lost" | "duplicated" | "disordered">> = {
  "an acknowledged message is missing": "lost",
  "a jump without a gap": "lost",
  "an acknowledged change is missing": "lost",
  "one id at two positions": "duplicated",
  "two messages at one position": "duplicated",
  "one send became two messages": "duplicated",
  "going back": "disordered",
  "one sender's order inverted": "disordered",
};

export function verdictOf(ended: Ended): Outcome {
  const { name, folder, seen, violations, troubles, isQuiet, excerpt } = ended;
  const tally = { lost: 0, duplicated: 0, disordered: 0, otherwise: 0 };
  for (const { rule } of violations) tally[COLUMNS[rule] ?? "otherwise"] += 1;
  const toothless = bitelessnessOf(ended);
  const verdict =
    violations.length > 0
      ? "BROKEN"
      : troubles.length > 0 || !isQuiet
        ? "did not recover"
        : toothless.length > 0
          ? "did not bite"
          : "held";
  return {
    ...{ folder, ...tally, verdict, violations, excerpt },
    name: ended.faults.length > 1 ? `${name} ${ended.faults.map((fault) => fault.name).join("+")}` : name,
    injected: [...ended.injected.values()].reduce((sum, times) => sum + times, 0),
    counts: seen,
    recoveryMs: Math.round(Math.max(0, ...ended.recoveriesMs)),
    reasons: [
      ...troubles,
      ...(isQuiet ? [] : ["not all is quiet, half a minute after everything was healed"]),
      ...toothless,
    ],
  };
}

/** What should have happened and did not, in words. In a mix one fault may hide another: there the whole must bite. */
function bitelessnessOf({ faults, injected, seen }: Ended): string[] {
  const least = faults.map((fault) => ({
    fault,
    times: injected.get(fault) ?? 0,
    wanted: fault.least ?? fault.rounds,
  }));
  const few = least.filter(({ times, wanted }) => times < wanted);
  const bites = faults.flatMap(({ name, bites: all }) =>
    all.map(({ what, count, least: atLeast = 1 }) => ({ name, what, count: count(seen), atLeast })),
  );
  const missed = bites.filter(({ count, atLeast }) => count < atLeast);
  const isMix = faults.length > 1;
  return [
    ...(seen.sent < LEAST.sends ? [`only ${seen.sent} of ${LEAST.sends} messages were sent`] : []),
    ...(seen.senders < LEAST.senders ? [`only ${seen.senders} of ${LEAST.senders} clients sent`] : []),
    ...few.map(({ fault, times, wanted }) => `${fault.name} was injected ${times} times of ${wanted}`),
    ...(isMix && missed.length < bites.length
      ? []
      : missed.map(({ name, what, count, atLeast }) => `${name}: ${what}: ${count} of at least ${atLeast}`)),
  ];
}
