// Judges the values that were gathered for a table's keys: each by its form, then by the one that will read it, then beside
// the others. Called by the reader of a table; it collects problems and throws none of them. Knows no setting by name.
import { randomBytes } from "node:crypto";
import { Compile } from "typebox/compile";
import { hostFault } from "./listen-host.ts";
import { faultOf, maskValue, NO_SOURCE } from "./settings-problem.ts";
import type { SettingsProblem } from "./settings-problem.ts";
import { MIN_SECRET_BYTES } from "./settings-row.ts";
import type { AnyRow } from "./settings-row.ts";
import { brokenRules } from "./settings-rules.ts";
import { CONFIG_ENV, gatherSettings } from "./settings-sources.ts";
import type { Given, SettingsSources } from "./settings-sources.ts";
import type { SettingRows, SettingsTable } from "./settings-table.ts";

export interface Judged {
  /** Values that are right, in the form that is used, in the order of `keys`. */
  readonly valid: ReadonlyMap<string, Given>;
  readonly problems: readonly SettingsProblem[];
}

/** Everything but what only the machine can say. */
export function judgeSettings(table: SettingsTable, keys: readonly string[], sources: SettingsSources): Judged {
  const isProduction = sources.env["NODE_ENV"] === "production";
  const { given, problems: nameProblems, isFileLost } = gatherSettings(table, sources);
  if (isFileLost) return { valid: new Map(), problems: nameProblems.filter(({ key }) => key === CONFIG_ENV) };
  const problems: SettingsProblem[] = [...nameProblems];
  const valid = new Map<string, Given>();
  // A name with two values, or with a file that cannot be read, has been told already.
  const told = new Set(nameProblems.map(({ key }) => key));
  for (const [key, row] of rowsOf(table.rows, keys)) {
    const { value, source } = given.get(key) ?? absentValue(row, given, keys, isProduction);
    if (source === NO_SOURCE && told.has(key)) continue;
    const judged = judgeValue(row, value);
    if ("problem" in judged) problems.push({ ...problemOf(key, row, { value, source }), ...judged.problem });
    else valid.set(key, { value: judged.value, source });
  }
  problems.push(...brokenRules(table, valid, isProduction));
  return { valid, problems };
}

/** What is wrong with the addresses to listen on, on this machine. */
export async function listenProblems(
  { rows }: SettingsTable,
  valid: ReadonlyMap<string, Given>,
): Promise<readonly SettingsProblem[]> {
  const problems: SettingsProblem[] = [];
  for (const [key, row] of rowsOf(rows, [...valid.keys()])) {
    const given = row.listens === true ? valid.get(key) : undefined;
    const fault = typeof given?.value === "string" ? await hostFault(given.value) : undefined;
    if (given !== undefined && fault !== undefined) problems.push({ ...problemOf(key, row, given), fault });
  }
  return problems;
}

function rowsOf(rows: SettingRows, keys: readonly string[]): readonly (readonly [string, AnyRow])[] {
  return keys.flatMap((key) => {
    const row = rows[key];
    return row === undefined ? [] : [[key, row] as const];
  });
}

function problemOf(
  key: string,
  { env, secrecy, expected, example }: AnyRow,
  { value, source }: Given,
): SettingsProblem {
  return { key, env, source, got: maskValue(value, secrecy), expected, example };
}

/** What stands for a setting that nobody gave. */
function absentValue(
  row: AnyRow,
  given: ReadonlyMap<string, Given>,
  keys: readonly string[],
  isProduction: boolean,
): Given {
  if (row.need === "default") return { value: row.default, source: "default" };
  const isMade = row.madeWithout?.every((each) => keys.includes(each) && !given.has(each)) ?? false;
  if (isProduction || !isMade) return NOTHING;
  return { value: randomBytes(MIN_SECRET_BYTES).toString("base64url"), source: "generated" };
}

const NOTHING: Given = { value: undefined, source: NO_SOURCE };

/** The value in the form that is used, or what is wrong with it by itself. */
type JudgedValue = { readonly value: unknown } | { readonly problem: Partial<SettingsProblem> };

function judgeValue(row: AnyRow, value: unknown): JudgedValue {
  if (value === undefined) return row.need === "required" ? { problem: {} } : { value };
  if (!Compile(row.schema).Check(value)) return { problem: {} };
  if (row.secrecy === "key" && typeof value === "string") {
    if (Buffer.byteLength(value) < MIN_SECRET_BYTES) return { problem: {} };
    if (isWellKnownSecret(value)) return { problem: { expected: `${row.expected}, not one that others know` } };
  }
  let used = value;
  const fault = faultOf(() => {
    used = row.parse?.(value) ?? value;
  });
  return fault === undefined ? { value: used } : { problem: { fault } };
}

/** Words of the secrets that stand in examples and tutorials, and so in every attacker's list. */
const WELL_KNOWN_WORDS =
  /change.?me|change.?(this|it)|your.?(256|secret|jwt|key)|example|default|insecure|placeholder/i;
/** 32 random bytes in any usual encoding have far more; a repeated pattern has fewer. */
const FEWEST_DISTINCT_CHARS = 8;

function isWellKnownSecret(value: string): boolean {
  return WELL_KNOWN_WORDS.test(value) || new Set(value).size < FEWEST_DISTINCT_CHARS;
}
