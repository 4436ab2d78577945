// Gathers what was given for each setting, by layer: default < file (`ROOKERY_CONFIG`) < environment < flag, with `_FILE`
// variants. Called by the loader alone; it judges names, never values, and collects problems instead of throwing.
// One rule for text wherever it stands: a byte order mark at its front and white space at its end are not part of it.
import { readFileSync } from "node:fs";
import { LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import type { SettingsProblem } from "./settings-problem.ts";
import { nearestName } from "./settings-problem.ts";
import type { AnyRow } from "./settings-row.ts";
import type { SettingRows } from "./settings-table.ts";

export const CONFIG_ENV = "ROOKERY_CONFIG";
const FILE_SUFFIX = "_FILE";

export interface SettingsSources {
  /** Usually `process.env`. Empty variables count as absent. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values of the command line by camel-case key; secrets are refused here. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
}

/** What is asked of a table here. */
export interface NamedRows {
  readonly rows: SettingRows;
  /** A line that a configuration file may hold. */
  readonly fileExample: string;
}

/** A value before it was checked, and where it stood. */
export interface Given {
  readonly value: unknown;
  readonly source: string;
}

export interface Gathered {
  readonly given: ReadonlyMap<string, Given>;
  readonly problems: readonly SettingsProblem[];
  /** The configuration file could not be read: what else is missing or wrong, nobody can say. */
  readonly isFileLost: boolean;
}

/** What one gathering fills, layer by layer. */
interface Filling {
  readonly rows: SettingRows;
  readonly given: Map<string, Given>;
  readonly problems: SettingsProblem[];
}

/** Reads all layers; a later layer hides an earlier one. */
export function gatherSettings({ rows, fileExample }: NamedRows, { env, flags = {} }: SettingsSources): Gathered {
  const filling: Filling = { rows, given: new Map(), problems: [] };
  const path = env[CONFIG_ENV] ?? "";
  if (path !== "") takeConfigFile(path, fileExample, filling);
  const isFileLost = filling.problems.some(({ key }) => key === CONFIG_ENV);
  takeEnvironment(env, filling);
  takeFlags(flags, filling);
  return { ...filling, isFileLost };
}

function takeEnvironment(env: SettingsSources["env"], filling: Filling): void {
  const { rows, given, problems } = filling;
  const known = new Set<string>([CONFIG_ENV]);
  for (const [key, row] of Object.entries(rows)) {
    known.add(row.env);
    const text = trimmed(env[row.env] ?? "");
    if (text !== "") given.set(key, { value: row.read(text), source: "environment" });
    if (!row.fromFile) continue;
    known.add(row.env + FILE_SUFFIX);
    const path = env[row.env + FILE_SUFFIX] ?? "";
    if (path === "") continue;
    if (text !== "") problems.push(doubled(key, row, `${row.env} and ${row.env}${FILE_SUFFIX}`));
    takeValueFile(key, row, path, filling);
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith("ROOKERY_") && !known.has(name)) problems.push(unknownName(name, "environment", [...known]));
  }
}

function takeConfigFile(path: string, example: string, filling: Filling): void {
  const { rows, given, problems } = filling;
  const entries = entriesOf(path, (got) => problems.push(configProblem(`${path}: ${got}`, example)));
  const source = `file ${path}`;
  const known = new Set<string>();
  for (const [key, row] of Object.entries(rows)) {
    known.add(key);
    const value = entries.get(key);
    const isGiven = value !== undefined && value !== null;
    if (isGiven) given.set(key, { value: typeof value === "string" ? row.read(trimmed(value)) : value, source });
    if (!row.fromFile) continue;
    known.add(`${key}File`);
    const valuePath = entries.get(`${key}File`);
    if (valuePath === undefined || valuePath === null) continue;
    if (typeof valuePath !== "string") {
      problems.push({ ...unusableFile(key, row, source, "no text"), expected: `the path of a file in ${key}File` });
      continue;
    }
    if (isGiven) problems.push(doubled(key, row, `${key} and ${key}File in ${path}`));
    takeValueFile(key, row, valuePath, filling);
  }
  for (const name of entries.keys()) {
    if (!known.has(name)) problems.push(unknownName(name, source, [...known]));
  }
}

/** Top-level entries of a YAML mapping. The parser's own messages quote the file, so only position and code are shown. */
function entriesOf(path: string, wrong: (got: string) => void): ReadonlyMap<string, unknown> {
  const text = readText(path);
  if (typeof text !== "string") {
    wrong(text.fault);
    return new Map();
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter });
  for (const error of document.errors) {
    const { line, col } = lineCounter.linePos(error.pos[0]);
    wrong(`${error.code} at line ${line}, column ${col}`);
  }
  if (document.errors.length > 0) return new Map();
  const content = contentOf(document);
  if (content === null || content === undefined) return new Map();
  if (typeof content === "object" && !Array.isArray(content)) return new Map(Object.entries(content));
  wrong("not a mapping, or one with aliases");
  return new Map();
}

/** Aliases are refused: settings have no use for them, and they are how a small YAML file becomes a large value. */
function contentOf(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof ReferenceError) return "an alias";
    throw error;
  }
}

function takeFlags(flags: Readonly<Record<string, string>>, { rows, given, problems }: Filling): void {
  for (const [name, text] of Object.entries(flags)) {
    const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
    if (row === undefined) {
      const nearest = nearestName(name, Object.keys(rows));
      const expected = nearest === undefined ? "a known flag" : `a known flag; did you mean ${flagName(nearest)}?`;
      const flag = flagName(name);
      problems.push({ key: flag, env: flag, source: "flag", got: "an unknown name", expected, example: "" });
      continue;
    }
    if (row.secrecy === "key") {
      const expected = `${row.env} or ${row.env}${FILE_SUFFIX}, since other users see command lines`;
      problems.push({ key: name, env: row.env, source: "flag", got: "a secret", expected, example: row.example });
    } else given.set(name, { value: row.read(trimmed(text)), source: "flag" });
  }
}

/** `logLevel` as it is written on a command line. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function takeValueFile(key: string, row: AnyRow, path: string, { given, problems }: Filling): void {
  const text = readText(path);
  const source = `file ${path}`;
  if (typeof text !== "string") problems.push(unusableFile(key, row, source, text.fault));
  else if (trimmed(text) === "") problems.push(unusableFile(key, row, source, "an empty file"));
  else given.set(key, { value: trimmed(text), source });
}

function unusableFile(key: string, row: AnyRow, source: string, got: string): SettingsProblem {
  const expected = `a readable file that holds the value, in UTF-8; ${EDGES_RULE}`;
  return { key, env: row.env + FILE_SUFFIX, source, got, expected, example: row.example };
}

/** As it is told in errors and documents. */
export const EDGES_RULE = "a byte order mark at its front and white space at its end are not part of it";

/** Editors, shells and other systems put these around a value, and nobody sees them. */
function trimmed(text: string): string {
  return text.replace(/^\uFEFF/, "").trimEnd();
}

/** The text of a file; a byte order mark is left where it is. */
function readText(path: string): string | { readonly fault: string } {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    return { fault: `no readable file (${code})` };
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    // What is written as UTF-16 without a mark can be read as UTF-8, with a NUL beside every letter.
    return text.includes("\0") ? NOT_UTF8 : text;
  } catch {
    return NOT_UTF8;
  }
}

const NOT_UTF8 = { fault: "a file that is not UTF-8" } as const;

function doubled(key: string, row: AnyRow, names: string): SettingsProblem {
  return { key, env: row.env, source: names, got: "two values", expected: "one of the two", example: row.example };
}

function configProblem(got: string, example: string): SettingsProblem {
  const expected = "a YAML file that maps setting names to values";
  return { key: CONFIG_ENV, env: CONFIG_ENV, source: "environment", got, expected, example };
}

/** Kubernetes puts `<SERVICE>_PORT=tcp://...` into every pod, which looks like ours when a service is named `rookery...`. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT)\w*|PORT(_\d+_(TCP|UDP)\w*)?)$/;

function unknownName(name: string, source: string, known: readonly string[]): SettingsProblem {
  const nearest = nearestName(name, known);
  const guess = nearest === undefined ? "" : `; did you mean ${nearest}?`;
  const link = SERVICE_LINK.test(name) ? "; in Kubernetes set enableServiceLinks: false" : "";
  return {
    key: name,
    env: name,
    source,
    got: "an unknown name",
    expected: `a known setting${guess}${link}`,
    example: "",
  };
}
