// Turns environment, file and flags into frozen, typed settings, or into one error that lists every problem. Called once
// at the start of a process and by `rookery config`. Never reads a variable outside the table and never shows a secret.
// A value is judged by its form, then by the very parser that will use it, then beside the others.
import { randomBytes } from "node:crypto";
import { Compile } from "typebox/compile";
import { hostFault } from "./listen-host.ts";
import { faultOf, isParsedText } from "./settings-parsers.ts";
import type { SettingParsers } from "./settings-parsers.ts";
import { MIN_SECRET_BYTES } from "./settings-row.ts";
import type { AnyRow, ServiceName } from "./settings-row.ts";
import { maskValue, NO_SOURCE, SettingsError } from "./settings-problem.ts";
import type { SettingsProblem } from "./settings-problem.ts";
import { brokenRules } from "./settings-rules.ts";
import { gatherSettings, rowsByKey } from "./settings-sources.ts";
import type { Given, SettingsSources } from "./settings-sources.ts";
import { SETTINGS } from "./settings-table.ts";
import type { ServiceSettings, SettingKey, Settings } from "./settings-table.ts";

/** One line of `rookery config print`: the value in force, masked, and where it came from. */
export interface SettingInForce {
  readonly key: SettingKey;
  readonly env: string;
  readonly value: string;
  /** `default`, `file <path>`, `environment`, `flag`, `generated`, `nothing`. */
  readonly source: string;
}

/**
 * Values of the given keys, or of everything a service reads: default < file (`ROOKERY_CONFIG`, YAML) < environment < flag.
 * Frozen. Throws one `SettingsError` with all problems, unknown names among them.
 */
export function loadSettings<S extends ServiceName>(service: S, sources: SettingsSources): ServiceSettings<S>;
export function loadSettings<K extends SettingKey>(keys: readonly K[], sources: SettingsSources): Settings<K>;
export function loadSettings(which: ServiceName | readonly SettingKey[], sources: SettingsSources): object {
  return Object.freeze(
    Object.fromEntries([...resolveSettings(which, sources)].map(([key, { value }]) => [key, frozen(value)])),
  );
}

/** The same resolution as `loadSettings`, for showing: every value masked, with its source. Throws alike. */
export function inspectSettings(
  which: ServiceName | readonly SettingKey[],
  sources: SettingsSources,
): readonly SettingInForce[] {
  return [...resolveSettings(which, sources)].map(([key, { value, source }]) => {
    const { env, secrecy } = rowOf(key);
    return { key, env, value: maskValue(value, secrecy), source };
  });
}

const LISTENING = ["host", "internalHost"] as const satisfies readonly SettingKey[];

/**
 * What a start does before it starts: `inspectSettings`, and whether this machine can listen where it is told to. All
 * problems in one `SettingsError`.
 */
export async function checkSettings(
  service: ServiceName,
  sources: SettingsSources,
): Promise<readonly SettingInForce[]> {
  const { valid, problems: known } = judgeSettings(service, sources);
  const problems = [...known];
  for (const key of LISTENING) {
    const { value, source } = valid.get(key) ?? NOTHING;
    const fault = typeof value === "string" ? await hostFault(value) : undefined;
    if (fault !== undefined) problems.push(problemOf(key, value, source, fault));
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return inspectSettings(service, sources);
}

/** The keys that a service reads, in the table's order. */
export function serviceKeys(service: ServiceName): readonly SettingKey[] {
  return [...rowsByKey].filter(([, row]) => row.usedBy.includes(service)).map(([key]) => key);
}

function resolveSettings(
  which: ServiceName | readonly SettingKey[],
  sources: SettingsSources,
): ReadonlyMap<SettingKey, Given> {
  const { valid, problems } = judgeSettings(which, sources);
  if (problems.length > 0) throw new SettingsError(problems);
  return valid;
}

interface Judged {
  /** Values that are right, in the form that is used. */
  readonly valid: ReadonlyMap<SettingKey, Given>;
  readonly problems: readonly SettingsProblem[];
}

function judgeSettings(which: ServiceName | readonly SettingKey[], sources: SettingsSources): Judged {
  const keys = typeof which === "string" ? serviceKeys(which) : which;
  const { parsers = {} } = sources;
  const isProduction = sources.env["NODE_ENV"] === "production";
  const { given, problems: nameProblems } = gatherSettings(sources);
  const problems: SettingsProblem[] = [...nameProblems];
  const valid = new Map<SettingKey, Given>();
  // A name with two values, or with a file that cannot be read, has been told already.
  const told = new Set(nameProblems.map(({ key }) => key));
  for (const key of keys) {
    const row = rowOf(key);
    const { value, source } = given.get(key) ?? absentValue(key, row, given, keys, isProduction);
    if (source === NO_SOURCE && told.has(key)) continue;
    const judged = judgeValue(key, row, value, parsers);
    if ("problem" in judged) problems.push({ ...problemOf(key, value, source), ...judged.problem });
    else valid.set(key, { value: judged.value, source });
  }
  problems.push(...brokenRules(valid, isProduction, parsers));
  return { valid, problems };
}

function problemOf(key: SettingKey, value: unknown, source: string, fault?: string): SettingsProblem {
  const { env, secrecy, expected, example } = rowOf(key);
  const told = fault === undefined ? {} : { fault };
  return { key, env, source, got: maskValue(value, secrecy), ...told, expected, example };
}

function rowOf(key: SettingKey): AnyRow {
  return SETTINGS[key];
}

function frozen(value: unknown): unknown {
  return Array.isArray(value) ? Object.freeze([...value]) : value;
}

/** What stands for a setting that nobody gave. */
function absentValue(
  key: SettingKey,
  row: AnyRow,
  given: ReadonlyMap<SettingKey, Given>,
  keys: readonly SettingKey[],
  isProduction: boolean,
): Given {
  if (row.need === "default") return { value: row.default, source: "default" };
  if (isProduction) return NOTHING;
  const lacksTokenKey = key === "jwtSecret" && TOKEN_KEYS.every((each) => keys.includes(each) && !given.has(each));
  if (!lacksTokenKey) return NOTHING;
  return { value: randomBytes(MIN_SECRET_BYTES).toString("base64url"), source: "generated" };
}

const NOTHING: Given = { value: undefined, source: NO_SOURCE };
/** Any one of these makes tokens verifiable; without one, a development secret is made. */
const TOKEN_KEYS = ["jwtSecret", "jwtPublicKey", "jwtJwksUrl"] as const satisfies readonly SettingKey[];

/** The value in the form that is used, or what is wrong with it by itself. */
type JudgedValue = { readonly value: unknown } | { readonly problem: Partial<SettingsProblem> };

function judgeValue(key: SettingKey, row: AnyRow, value: unknown, parsers: SettingParsers): JudgedValue {
  if (value === undefined) return row.need === "required" ? { problem: {} } : { value };
  if (!Compile(row.schema).Check(value)) return { problem: {} };
  if (row.secrecy === "key" && typeof value === "string") {
    if (Buffer.byteLength(value) < MIN_SECRET_BYTES) return { problem: {} };
    if (isWellKnownSecret(value)) return { problem: { expected: `${row.expected}, not one that others know` } };
  }
  let used = value;
  const fault = faultOf(() => {
    used = row.parse?.(value) ?? value;
    if (isParsedText(key) && typeof used === "string") parsers[key]?.(used);
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
