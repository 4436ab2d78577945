// What one row of a settings table is, and the builders that write a row in one line. Tables are made of these; the loader
// and the documents only read them. A row knows no process environment and reads no file.
import { Type } from "typebox";
import type { Static, TArray, TBoolean, TEnum, TInteger, TSchema, TString } from "typebox";

/**
 * What happens when nobody gives a value: `default` takes the row's own, `required` is a problem, `optional` stays
 * undefined.
 */
export type Need = "default" | "required" | "optional";

/**
 * `key`: masked whole, at least 32 bytes, never on a command line. `url`: its user, password and query are masked.
 * `hidden`: masked whole, since a secret may stand there by mistake.
 */
export type Secrecy = "open" | "key" | "url" | "hidden";

export interface SettingRow<S extends TSchema, N extends Need, U extends string> {
  readonly env: `ROOKERY_${string}`;
  readonly schema: S;
  readonly need: N;
  readonly default: N extends "default" ? Static<S> : undefined;
  readonly unit: string;
  readonly usedBy: readonly U[];
  readonly meaning: string;
  /** A value that would be accepted, as it is written in an environment variable. */
  readonly example: string;
  /** What a value must be, as words that follow "expected". */
  readonly expected: string;
  readonly secrecy: Secrecy;
  /** Whether `<env>_FILE` may name a file that holds the value. */
  readonly fromFile: boolean;
  /** Text of an environment variable, a flag or a file to a candidate for the schema; text it cannot read stays text. */
  readonly read: (text: string) => unknown;
  /** The value in the form that is used; throws an Error of one line, without secrets, for one that cannot be. */
  parse?(this: void, value: Static<S>): Static<S>;
  /** Whether it is an address of this machine to listen on, which only the machine can judge. */
  readonly listens?: true;
  /** Outside production a random value is made when all of these keys are asked for and none of them is given. */
  readonly madeWithout?: readonly string[];
}

export type AnyRow = SettingRow<TSchema, Need, string>;

/** The shortest secret that is accepted: the output length of SHA-256, as RFC 7518 section 3.2 asks for HS256. */
export const MIN_SECRET_BYTES = 32;

type UsedBy<U extends string> = readonly U[];

/** A whole number from `range[0]` to `range[1]`, both included. */
export function integer<const U extends string>(
  env: AnyRow["env"],
  byDefault: number,
  [minimum, maximum]: readonly [number, number],
  unit: string,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TInteger, "default", U> {
  const expected = `a whole number from ${minimum} to ${maximum}`;
  const schema = Type.Integer({ minimum, maximum });
  const rest = { unit, usedBy, meaning, expected, example: String(byDefault), read: readInteger };
  return { env, schema, need: "default", default: byDefault, ...OPEN, ...rest };
}

/** A whole number that may be left out. */
export function optionalInteger<const U extends string>(
  env: AnyRow["env"],
  example: string,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TInteger, "optional", U> {
  const rest = { unit: "", usedBy, meaning, expected: "a whole number above 0", example, read: readInteger };
  return { env, schema: Type.Integer({ minimum: 1 }), need: "optional", default: undefined, ...OPEN, ...rest };
}

/** `true` or `false`. */
export function flag<const U extends string>(
  env: AnyRow["env"],
  byDefault: boolean,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TBoolean, "default", U> {
  const rest = { unit: "", usedBy, meaning, expected: "true or false", example: String(!byDefault), read: readBoolean };
  return { env, schema: Type.Boolean(), need: "default", default: byDefault, ...OPEN, ...rest };
}

/** One word of a closed set; the first is the default. */
export function word<const W extends readonly [string, ...string[]], const U extends string>(
  env: AnyRow["env"],
  words: W,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TEnum<[...W]>, "default", U> {
  const [byDefault] = words;
  const schema = Type.Enum<[...W]>([...words]);
  const rest = {
    unit: "",
    usedBy,
    meaning,
    expected: `one of ${words.join(", ")}`,
    example: byDefault,
    read: readText,
  };
  return { env, schema, need: "default", default: byDefault, ...OPEN, ...rest };
}

interface TextForm {
  readonly pattern: string;
  readonly expected: string;
  readonly example: string;
  readonly secrecy?: Secrecy;
  readonly fromFile?: boolean;
  /** The one that reads it where it is used; throws an Error of one line, without secrets, for what cannot be used. */
  readonly reader?: (text: string) => unknown;
}

/** One line of text in the given form. */
export function text<const U extends string>(
  env: AnyRow["env"],
  byDefault: string,
  form: TextForm,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TString, "default", U> {
  return { env, ...textRow(form), need: "default", default: byDefault, usedBy, meaning };
}

/** Text that must be given. */
export function requiredText<const U extends string>(
  env: AnyRow["env"],
  form: TextForm,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TString, "required", U> {
  return { env, ...textRow(form), need: "required", default: undefined, usedBy, meaning };
}

/** Text that may be left out. */
export function optionalText<const U extends string>(
  env: AnyRow["env"],
  form: TextForm,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TString, "optional", U> {
  return { env, ...textRow(form), need: "optional", default: undefined, usedBy, meaning };
}

interface SecretForm {
  readonly reader: (text: string) => unknown;
  readonly madeWithout?: readonly string[];
}

/** A secret of at least 32 bytes that may be left out; by environment or file only. */
export function optionalSecret<const U extends string>(
  env: AnyRow["env"],
  { reader, ...made }: SecretForm,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TString, "optional", U> {
  const form = { ...secretForm(env), reader };
  return { env, ...textRow(form), need: "optional", default: undefined, usedBy, meaning, ...made };
}

/** A secret that is a bearer credential: it travels in a header, which carries visible ASCII only. */
export function optionalBearer<const U extends string>(
  env: AnyRow["env"],
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TString, "optional", U> {
  const form = secretForm(env);
  const visible = { pattern: "^[\\x21-\\x7e]*$", expected: `${form.expected}, in visible ASCII characters` };
  return { env, ...textRow({ ...form, ...visible }), need: "optional", default: undefined, usedBy, meaning };
}

function secretForm(env: string): TextForm {
  const expected = `a random secret of at least ${MIN_SECRET_BYTES} bytes`;
  const example = `${env}_FILE=/run/secrets/${env.slice("ROOKERY_".length).toLowerCase()}`;
  return { pattern: "^[\\s\\S]*$", expected, example, secrecy: "key", fromFile: true };
}

interface ListForm {
  /** One item in the form that is used; throws an Error of one line. */
  readonly item: (text: string) => string;
  readonly expected: string;
  readonly example: string;
  readonly secrecy?: Secrecy;
}

/** Values between commas, each read by itself, empty by default. */
export function list<const U extends string>(
  env: AnyRow["env"],
  { item, expected, example, secrecy = "open" }: ListForm,
  usedBy: UsedBy<U>,
  meaning: string,
): SettingRow<TArray<TString>, "default", U> {
  const schema = Type.Array(Type.String({ minLength: 1 }));
  // Two ways to write the same are one.
  const parse = (items: readonly string[]): string[] => [...new Set(items.map(item))];
  const rest = { unit: "", usedBy, meaning, expected, example, secrecy, read: readList, parse };
  return { env, schema, need: "default", default: [], fromFile: false, ...rest };
}

const OPEN = { secrecy: "open", fromFile: false } as const;

function textRow({ pattern, expected, example, secrecy = "open", fromFile = false, reader }: TextForm) {
  const schema = Type.String({ pattern, minLength: 1 });
  const row = { schema, unit: "", expected, example, secrecy, fromFile, read: readText };
  if (reader === undefined) return row;
  const parse = (value: string): string => {
    reader(value);
    return value;
  };
  return { ...row, parse };
}

function readText(value: string): string {
  return value;
}

function readInteger(value: string): number | string {
  return /^[+-]?\d{1,16}$/.test(value.trim()) ? Number(value) : value;
}

function readBoolean(value: string): boolean | string {
  const lower = value.trim().toLowerCase();
  if (lower === "true" || lower === "1") return true;
  return lower === "false" || lower === "0" ? false : value;
}

function readList(value: string): string[] {
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
