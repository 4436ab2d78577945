import { expect, it } from "vitest";
import { BREAKS } from "./breaks.ts";
import { FAULTS } from "./faults/all-faults.ts";
import { readOptions } from "./options.ts";
import { recordOf } from "./record.ts";
import type { Outcome } from "./verdict.ts";

const startedAt = new Date(0);
const counts = {
  ...{ sent: 2_100, senders: 12, acknowledged: 2_090, unknown: 10, refused: 0, duplicates: 3 },
  ...{ delivered: 25_000, gaps: 1, unrecovered: 0, closed: 2 },
};
const violation = { rule: "a jump without a gap", detail: "ann from 1-1 to 1-3" };
const outcome: Outcome = {
  ...{ name: "edge-killed", folder: "/kept/edge-killed", injected: 3, counts, recoveryMs: 210, excerpt: [] },
  ...{ lost: 30, duplicated: 0, disordered: 0, otherwise: 0, verdict: "BROKEN", reasons: ["why"] },
  violations: Array.from({ length: 30 }, () => violation),
};

it.each([
  ["--seed", "7"],
  ["--fault", "edge-killed", "--fault", "edge-frozen", "--minutes", "0.5", "--seed", "7"],
  ["--redis", "sentinel", "--ack", "safe", "--mixed", "--minutes", "20"],
  ["--break", "no-pulse", "--seed", "9"],
  ["--prove"],
])("a record says how to repeat its run, by its options and its seed: %s %s", (...argv) => {
  const tables = { faults: FAULTS, breaks: BREAKS };
  const options = readOptions(argv, tables);
  if (typeof options === "string") throw new Error("no options");
  const { repeat, seed, options: told } = recordOf({ options, startedAt, plays: [], proofs: [] });
  const [, words = ""] = /^npm run lab -- (.*)$/.exec(repeat) ?? [];
  expect(readOptions(words.split(" "), tables)).toEqual(options);
  expect(seed).toBe(options.seed);
  expect(told).toMatchObject({ redis: options.redis, ack: options.ack, mixed: options.isMixed });
  expect(told.faults).toEqual(options.faults.map(({ name }) => name));
});

it("a record has a row for each outcome, with the seed that repeats it alone, and the first of many violations", () => {
  const options = readOptions(["--seed", "7"], { faults: FAULTS, breaks: BREAKS });
  if (typeof options === "string") throw new Error("no options");
  const plays = [{ seed: 8, faults: ["edge-killed"], outcome }];
  const proofs = [{ name: "no-pulse", isCaught: false, rules: [], outcome }];
  const { table, proofs: proved } = recordOf({ options, startedAt, plays, proofs });
  expect(table).toEqual([
    {
      ...{ seed: 8, faults: ["edge-killed"], name: "edge-killed", verdict: "BROKEN", injected: 3 },
      ...{ sent: 2_100, senders: 12, acknowledged: 2_090, unknown: 10, delivered: 25_000, gaps: 1 },
      ...{ lost: 30, duplicated: 0, disordered: 0, other: 0, recoveryMs: 210, reasons: ["why"] },
      ...{ violations: 30, firstViolations: Array.from({ length: 20 }, () => violation) },
    },
  ]);
  expect(proved).toMatchObject([{ break: "no-pulse", isCaught: false, rules: [], violations: 30 }]);
});
