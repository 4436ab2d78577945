// What a table of settings is: rows by key, the rules between them, and the types of the values that follow from its rows.
// The table itself belongs to the product, which hands it in; nothing here knows a setting by name.
import type { Static } from "typebox";
import type { AnyRow } from "./settings-row.ts";

/** By the key that code reads and that a configuration file holds; a row's variable is `ROOKERY_` and the key. */
export type SettingRows = Readonly<Record<string, AnyRow>>;

export type SettingKeyOf<R extends SettingRows> = keyof R & string;

/** The names of those who read settings of the table. */
export type ServiceOf<R extends SettingRows> = R[keyof R]["usedBy"][number];

/** The type of one setting's value, from its schema; an optional one may be undefined. */
export type ValueOf<Row extends AnyRow> = Row["need"] extends "optional"
  ? Readable<Static<Row["schema"]>> | undefined
  : Readable<Static<Row["schema"]>>;

type Readable<T> = T extends readonly (infer Item)[] ? readonly Item[] : T;

/** Frozen values of the given keys. */
export type ValuesOf<R extends SettingRows, K extends keyof R> = { readonly [Key in K]: ValueOf<R[Key]> };

/** Everything that a service reads. */
export type ServiceValues<R extends SettingRows, S> = ValuesOf<
  R,
  { [K in keyof R]: S extends R[K]["usedBy"][number] ? K : never }[keyof R]
>;

/** Values that are right by themselves, as a rule sees them; what was refused or not asked for is missing. */
export type RightValues<R extends SettingRows> = { readonly [K in keyof R]?: ValueOf<R[K]> | undefined };

interface RuleKeys<K extends string> {
  /** The first is the one that is reported. A rule whose keys were not all asked for, or were refused, stays silent. */
  readonly keys: readonly [K, ...K[]];
}

type RuleOver<K extends string, V> =
  | (RuleKeys<K> & {
      readonly kind: "holds";
      holds(this: void, values: V, isProduction: boolean): boolean;
      readonly expected: string;
    })
  | (RuleKeys<K> & { readonly kind: "reads"; read(this: void, values: V): unknown });

/**
 * `holds`: something that must be true of values together, told as what is `expected`. `reads`: the one that will read
 * them together where they are used; it throws an Error of one line, without secrets, for what cannot be used.
 */
export type SettingRule<R extends SettingRows = SettingRows> = RuleOver<SettingKeyOf<R>, RightValues<R>>;

export interface SettingsTable<R extends SettingRows = SettingRows> {
  readonly rows: R;
  readonly rules: readonly SettingRule[];
  /** A line that a configuration file may hold, shown when one cannot be read. */
  readonly fileExample: string;
}
