// Rules between settings: each row names the keys it compares and says what must hold. The loader runs them over values
// that are valid by themselves; a rule whose keys were not all asked for, or were refused already, stays silent. Whether
// the keys of tokens fit their algorithms is said by the one that will use them.
// Limits that only make each other useless (a soft limit above the hard one) are left to who uses them: they are often
// changed one at a time.
import { maskValue, NO_SOURCE } from "./settings-problem.ts";
import type { SettingsProblem } from "./settings-problem.ts";
import { faultOf } from "./settings-parsers.ts";
import type { SettingParsers, TokenKeyValues } from "./settings-parsers.ts";
import { rowsByKey } from "./settings-sources.ts";
import type { Given } from "./settings-sources.ts";
import type { SettingKey } from "./settings-table.ts";

type Values = ReadonlyMap<SettingKey, Given>;

interface Rule {
  /** The first is the one that is reported. */
  readonly keys: readonly [SettingKey, ...SettingKey[]];
  readonly holds: (values: Values, isProduction: boolean) => boolean;
  readonly expected: string;
}

const RULES: readonly Rule[] = [
  {
    keys: ["jwtSecret", "jwtPublicKey", "jwtJwksUrl"],
    holds: (values, isProduction) => !isProduction || tokenKeysGiven(values) > 0,
    expected: "a secret, ROOKERY_JWT_PUBLIC_KEY_FILE or ROOKERY_JWT_JWKS_URL",
  },
  {
    keys: ["jwtSecret", "jwtPublicKey", "jwtJwksUrl"],
    holds: (values) => tokenKeysGiven(values) < 2,
    expected: "only one of ROOKERY_JWT_SECRET, ROOKERY_JWT_PUBLIC_KEY and ROOKERY_JWT_JWKS_URL",
  },
  {
    keys: ["jwtPreviousSecret", "jwtSecret"],
    holds: (values) => !isGiven(values, "jwtPreviousSecret") || isGiven(values, "jwtSecret"),
    expected: "ROOKERY_JWT_SECRET beside it",
  },
];

const TOKEN_KEYS = ["jwtAlgorithms", "jwtSecret", "jwtPreviousSecret", "jwtPublicKey", "jwtJwksUrl"] as const;

/** Problems between values. `values` holds only what is valid by itself. */
export function brokenRules(
  values: Values,
  isProduction: boolean,
  { tokenKeys }: SettingParsers,
): readonly SettingsProblem[] {
  const broken = RULES.filter(
    (rule) => rule.keys.every((key) => values.has(key)) && !rule.holds(values, isProduction),
  ).map(({ keys, expected }) => problemBetween(values, keys, { expected }));
  const isTold = broken.some(({ key }) => TOKEN_KEYS.some((each) => each === key));
  const areAsked = TOKEN_KEYS.every((key) => values.has(key));
  if (tokenKeys === undefined || isTold || !areAsked || tokenKeysGiven(values) === 0) return broken;
  const fault = faultOf(() => tokenKeys(tokenKeyValues(values)));
  const given = TOKEN_KEYS.filter((key) => key === "jwtAlgorithms" || isGiven(values, key));
  return fault === undefined
    ? broken
    : [...broken, problemBetween(values, ["jwtAlgorithms", ...given.slice(1)], { fault })];
}

function problemBetween(
  values: Values,
  [key, ...others]: Rule["keys"],
  told: Pick<SettingsProblem, "fault"> | Pick<SettingsProblem, "expected">,
): SettingsProblem {
  const row = rowsByKey.get(key);
  const got = maskValue(valueOf(values, key), row?.secrecy ?? "key");
  const beside = others.map((each) => rowsByKey.get(each)?.env).join(" and ");
  const from = values.get(key)?.source ?? NO_SOURCE;
  const source = others.length === 0 || from === NO_SOURCE ? from : `${from}, beside ${beside}`;
  return {
    key,
    env: row?.env ?? key,
    source,
    got,
    expected: row?.expected ?? "",
    example: row?.example ?? "",
    ...told,
  };
}

function tokenKeyValues(values: Values): TokenKeyValues {
  const text = (key: SettingKey): string | undefined => {
    const value = valueOf(values, key);
    return typeof value === "string" ? value : undefined;
  };
  return {
    algorithms: algorithmsOf(values),
    secret: text("jwtSecret"),
    previousSecret: text("jwtPreviousSecret"),
    publicKeyPem: text("jwtPublicKey"),
    jwksUrl: text("jwtJwksUrl"),
  };
}

function valueOf(values: Values, key: SettingKey): unknown {
  return values.get(key)?.value;
}

function isGiven(values: Values, key: SettingKey): boolean {
  return valueOf(values, key) !== undefined;
}

function algorithmsOf(values: Values): readonly string[] {
  const value = valueOf(values, "jwtAlgorithms");
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function tokenKeysGiven(values: Values): number {
  const keys: readonly SettingKey[] = ["jwtSecret", "jwtPublicKey", "jwtJwksUrl"];
  return keys.filter((key) => isGiven(values, key)).length;
}
