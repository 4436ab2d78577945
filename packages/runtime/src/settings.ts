// Turns environment, file and flags into frozen, typed settings, or into one error that lists every problem. Called once
// at the start of a process and by `rookery config`. Never reads a variable outside the table and never shows a secret.
import { randomBytes } from "node:crypto";
import { Compile } from "typebox/compile";
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

/** The keys that a service reads, in the table's order. */
export function serviceKeys(service: ServiceName): readonly SettingKey[] {
  return [...rowsByKey].filter(([, row]) => row.usedBy.includes(service)).map(([key]) => key);
}

function resolveSettings(
  which: ServiceName | readonly SettingKey[],
  sources: SettingsSources,
): ReadonlyMap<SettingKey, Given> {
  const keys = typeof which === "string" ? serviceKeys(which) : which;
  const isProduction = sources.env["NODE_ENV"] === "production";
  const { given, problems: nameProblems } = gatherSettings(sources);
  const problems: SettingsProblem[] = [...nameProblems];
  const valid = new Map<SettingKey, Given>();
  for (const key of keys) {
    const row = rowOf(key);
    const { value, source } = given.get(key) ?? absentValue(key, row, given, keys, isProduction);
    const broken = brokenValue(row, value);
    if (broken === undefined) valid.set(key, { value, source });
    else problems.push({ key, env: row.env, source, got: maskValue(value, row.secrecy), ...broken });
  }
  problems.push(...brokenRules(valid, isProduction));
  if (problems.length > 0) throw new SettingsError(problems);
  return valid;
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

type Broken = Pick<SettingsProblem, "expected" | "example">;

/** What is wrong with one value by itself, or undefined. */
function brokenValue(row: AnyRow, value: unknown): Broken | undefined {
  const { expected, example } = row;
  if (value === undefined) return row.need === "required" ? { expected, example } : undefined;
  if (!Compile(row.schema).Check(value)) return { expected, example };
  if (row.secrecy !== "key" || typeof value !== "string") return undefined;
  if (Buffer.byteLength(value) < MIN_SECRET_BYTES) return { expected, example };
  return isWellKnownSecret(value) ? { expected: `${expected}, not one that others know`, example } : undefined;
}

/** Words of the secrets that stand in examples and tutorials, and so in every attacker's list. */
const WELL_KNOWN_WORDS =
  /change.?me|change.?(this|it)|your.?(256|secret|jwt|key)|example|default|insecure|placeholder/i;
/** 32 random bytes in any usual encoding have far more; a repeated pattern has fewer. */
const FEWEST_DISTINCT_CHARS = 8;

function isWellKnownSecret(value: string): boolean {
  return WELL_KNOWN_WORDS.test(value) || new Set(value).size < FEWEST_DISTINCT_CHARS;
}
