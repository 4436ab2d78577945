// Rules between settings: each row names the keys it compares and says what must hold. The loader runs them over values
// that are valid by themselves; a rule whose keys were not all asked for, or were refused already, stays silent.
// Limits that only make each other useless (a soft limit above the hard one) are left to who uses them: they are often
// changed one at a time.
import { maskValue } from "./settings-problem.ts";
import type { SettingsProblem } from "./settings-problem.ts";
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
  {
    keys: ["jwtAlgorithms", "jwtSecret"],
    holds: (values) => !isGiven(values, "jwtSecret") || algorithmsOf(values).every((each) => each === "HS256"),
    expected: "HS256 or nothing beside ROOKERY_JWT_SECRET",
  },
  {
    keys: ["jwtAlgorithms", "jwtPublicKey", "jwtJwksUrl"],
    holds: (values) => !hasPublicKeys(values) || !algorithmsOf(values).includes("HS256"),
    expected: "EdDSA, ES256 or RS256 beside public keys",
  },
  {
    keys: ["jwtAlgorithms", "jwtJwksUrl"],
    holds: (values) => !isGiven(values, "jwtJwksUrl") || algorithmsOf(values).length > 0,
    expected: "the issuer's algorithm beside ROOKERY_JWT_JWKS_URL",
  },
  {
    keys: ["jwtAlgorithms"],
    holds: (values) => new Set(algorithmsOf(values).map((each) => each.replace("Ed25519", "EdDSA"))).size < 2,
    expected: "one algorithm, since one issuer signs in one way",
  },
];

/** Problems between values. `values` holds only what is valid by itself. */
export function brokenRules(values: Values, isProduction: boolean): readonly SettingsProblem[] {
  return RULES.filter((rule) => rule.keys.every((key) => values.has(key)) && !rule.holds(values, isProduction)).map(
    ({ keys, expected }) => {
      const [key, ...others] = keys;
      const row = rowsByKey.get(key);
      const got = maskValue(valueOf(values, key), row?.secrecy ?? "key");
      const beside = others.map((each) => rowsByKey.get(each)?.env).join(" and ");
      const from = values.get(key)?.source ?? "nothing";
      const source = others.length === 0 ? from : `${from}, beside ${beside}`;
      return { key, env: row?.env ?? key, source, got, expected, example: row?.example ?? "" };
    },
  );
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

function hasPublicKeys(values: Values): boolean {
  return isGiven(values, "jwtPublicKey") || isGiven(values, "jwtJwksUrl");
}

function tokenKeysGiven(values: Values): number {
  const keys: readonly SettingKey[] = ["jwtSecret", "jwtPublicKey", "jwtJwksUrl"];
  return keys.filter((key) => isGiven(values, key)).length;
}
