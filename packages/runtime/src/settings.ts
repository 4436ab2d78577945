// The reader of one table of settings: turns environment, file and flags into frozen, typed values, or into one error that
// lists every problem. Called once at the start of a process and by commands that show or check settings. Never reads a
// variable outside its table and never shows a secret.
import { judgeSettings, listenProblems } from "./judge-settings.ts";
import { describeSettings } from "./settings-describe.ts";
import { maskValue, SettingsError } from "./settings-problem.ts";
import { gatherSettings } from "./settings-sources.ts";
import type { Given, SettingsSources } from "./settings-sources.ts";
import type { ServiceOf, ServiceValues, SettingKeyOf, SettingRows, SettingsTable, ValuesOf } from "./settings-table.ts";

/** One setting as it may be shown. */
export interface SettingInForce<K extends string = string> {
  readonly key: K;
  readonly env: string;
  /** Masked. */
  readonly value: string;
  /** `default`, `file <path>`, `environment`, `flag`, `generated`, `nothing`. */
  readonly source: string;
}

/** Sources are read in this order, a later one hides an earlier: default, file (`ROOKERY_CONFIG`, YAML), environment, flag. */
export interface SettingsReader<R extends SettingRows> {
  /** Frozen values of what a service reads, or of the keys. Throws one `SettingsError` with all problems, unknown names among them. */
  load<S extends ServiceOf<R>>(this: void, service: S, sources: SettingsSources): ServiceValues<R, S>;
  load<K extends SettingKeyOf<R>>(this: void, keys: readonly K[], sources: SettingsSources): ValuesOf<R, K>;
  /** The same resolution for showing: every value masked, with its source. Throws alike. */
  inspect(
    this: void,
    which: ServiceOf<R> | readonly SettingKeyOf<R>[],
    sources: SettingsSources,
  ): readonly SettingInForce<SettingKeyOf<R>>[];
  /**
   * What a start does before it starts: `inspect`, and whether this machine can listen where it is told to. Rejects with
   * one `SettingsError` with all problems.
   */
  check(
    this: void,
    service: ServiceOf<R>,
    sources: SettingsSources,
  ): Promise<readonly SettingInForce<SettingKeyOf<R>>[]>;
  /** The keys that a source gives or is told to give: right, wrong or unreadable. Throws nothing. */
  given(this: void, sources: SettingsSources): ReadonlySet<SettingKeyOf<R>>;
  /** The whole table in Markdown. */
  describe(this: void): string;
}

/** Knows the rows and the rules of the table, and nothing of what they mean. */
export function createSettings<R extends SettingRows>(table: SettingsTable<R>): SettingsReader<R> {
  type Key = SettingKeyOf<R>;
  type Which = ServiceOf<R> | readonly Key[];
  const rows: SettingRows = table.rows;
  const isKey = (name: string): name is Key => Object.hasOwn(rows, name);
  const keysOf = (which: Which): readonly string[] =>
    typeof which === "string" ? Object.keys(rows).filter((key) => rows[key]?.usedBy.includes(which)) : which;

  function resolve(which: Which, sources: SettingsSources): ReadonlyMap<string, Given> {
    const { valid, problems } = judgeSettings(table, keysOf(which), sources);
    if (problems.length > 0) throw new SettingsError(problems);
    return valid;
  }

  const shown = (valid: ReadonlyMap<string, Given>): SettingInForce<Key>[] =>
    [...valid].flatMap(([key, { value, source }]) => {
      const row = rows[key];
      if (row === undefined || !isKey(key)) return [];
      return [{ key, env: row.env, value: maskValue(value, row.secrecy), source }];
    });

  function load<S extends ServiceOf<R>>(service: S, sources: SettingsSources): ServiceValues<R, S>;
  function load<K extends Key>(keys: readonly K[], sources: SettingsSources): ValuesOf<R, K>;
  function load(which: Which, sources: SettingsSources): object {
    return Object.freeze(
      Object.fromEntries([...resolve(which, sources)].map(([key, { value }]) => [key, frozen(value)])),
    );
  }

  return {
    load,
    inspect: (which, sources) => shown(resolve(which, sources)),
    async check(service, sources) {
      const { valid, problems: known } = judgeSettings(table, keysOf(service), sources);
      const problems = [...known, ...(await listenProblems(table, valid))];
      if (problems.length > 0) throw new SettingsError(problems);
      return shown(valid);
    },
    given(sources) {
      const { given, problems } = gatherSettings(table, sources);
      // A file that cannot be read was meant to give its setting all the same.
      return new Set([...given.keys(), ...problems.map(({ key }) => key)].filter(isKey));
    },
    describe: () => describeSettings(rows),
  };
}

function frozen(value: unknown): unknown {
  return Array.isArray(value) ? Object.freeze([...value]) : value;
}
