// Runs the rules between settings over values that are valid by themselves, and tells what is broken. Called by the loader
// alone; the rules are the table's.
// Limits that only make each other useless (a soft limit above the hard one) are left to who uses them: they are often
// changed one at a time.
import { faultOf, maskValue, NO_SOURCE } from "./settings-problem.ts";
import type { SettingsProblem } from "./settings-problem.ts";
import type { Given } from "./settings-sources.ts";
import type { SettingRows, SettingRule, SettingsTable } from "./settings-table.ts";

type Values = ReadonlyMap<string, Given>;
type Told = Pick<SettingsProblem, "fault"> | Pick<SettingsProblem, "expected">;

/** Problems between values. `values` holds only what is valid by itself. */
export function brokenRules(
  { rows, rules }: SettingsTable,
  values: Values,
  isProduction: boolean,
): readonly SettingsProblem[] {
  const right = Object.fromEntries([...values].map(([key, { value }]) => [key, value]));
  return rules.flatMap((rule) => {
    if (!rule.keys.every((key) => values.has(key))) return [];
    const told = toldBy(rule, right, isProduction);
    return told === undefined ? [] : [problemBetween(rows, values, besideKeys(rule, values), told)];
  });
}

function toldBy(rule: SettingRule, right: Readonly<Record<string, unknown>>, isProduction: boolean): Told | undefined {
  if (rule.kind === "holds") return rule.holds(right, isProduction) ? undefined : { expected: rule.expected };
  const fault = faultOf(() => rule.read(right));
  return fault === undefined ? undefined : { fault };
}

/** A rule of what must hold names all of its keys; of what is read together, only what is there could be at fault. */
function besideKeys({ kind, keys: [key, ...others] }: SettingRule, values: Values): RuleKeys {
  return [key, ...others.filter((each) => kind === "holds" || values.get(each)?.value !== undefined)];
}

type RuleKeys = SettingRule["keys"];

function problemBetween(rows: SettingRows, values: Values, [key, ...others]: RuleKeys, told: Told): SettingsProblem {
  const row = rows[key];
  const got = maskValue(values.get(key)?.value, row?.secrecy ?? "key");
  const beside = others.map((each) => rows[each]?.env).join(" and ");
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
