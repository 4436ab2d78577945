// What is told about settings that cannot be used: problems, the error that carries all of them, masking, and the nearest
// known name. The loader makes problems, `runProcess` and the command line print them. Nothing here shows a secret.
import type { Secrecy } from "./settings-row.ts";

export interface SettingsProblem {
  /** Camel-case key, or the unknown name as it was written. */
  readonly key: string;
  /** Environment variable, or the unknown name as it was written. */
  readonly env: string;
  /** Where the value came from: `environment`, `file <path>`, `flag`, `nothing`. */
  readonly source: string;
  /** What was given, secrets masked. */
  readonly got: string;
  /** What is wrong with it, where that is known more closely. */
  readonly fault?: string;
  readonly expected: string;
  readonly example: string;
}

/** The source of a value that nobody gave. */
export const NO_SOURCE = "nothing";

/** Carries every problem at once; its message is what an operator reads, one line a problem. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly problems: readonly SettingsProblem[];

  constructor(problems: readonly SettingsProblem[]) {
    const count = problems.length === 1 ? "1 setting is wrong" : `${problems.length} settings are wrong`;
    super([`${count}:`, ...problems.map(problemLine)].join("\n"));
    this.problems = problems;
  }
}

function problemLine({ key, env, source, got, fault, expected, example }: SettingsProblem): string {
  const name = key === env ? env : `${env} (${key})`;
  const hint = example === "" ? "" : `, for example ${example}`;
  const given = source === NO_SOURCE ? "nothing was given" : `got ${got} from ${source}`;
  return `  ${name}: ${given}${fault === undefined ? "" : `: ${fault}`}; expected ${expected}${hint}`;
}

/** What a reader said of a value, or undefined when it took it. */
export function faultOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "it cannot be read";
  }
}

/** A value as it may be shown: keys and what may be one by their length alone, addresses without user, password and query. */
export function maskValue(value: unknown, secrecy: Secrecy): string {
  if (value === undefined) return "nothing";
  if (secrecy === "key") {
    return typeof value === "string" ? `a secret of ${Buffer.byteLength(value)} bytes` : "a secret that is not text";
  }
  if (secrecy === "hidden") return typeof value === "string" ? `text of ${Buffer.byteLength(value)} bytes` : "no text";
  return clip(JSON.stringify(secrecy === "url" ? masked(value) : value) ?? typeof value);
}

function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  return typeof value === "string" ? maskUrl(value) : value;
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/{1,2}/i;
const HOST_AND_PORT = String.raw`(?:\[[0-9a-f:.]*\]|[^\s:/?#@[\],]*)(?::\d{0,5})?`;
/** Hosts, ports and a path may be shown. A port that is none may be a password whose host was forgotten. */
const SHOWN = new RegExp(`^${HOST_AND_PORT}(?:,${HOST_AND_PORT})*(?=[/?#]|$)`, "i");

/**
 * Hides user info (up to the last `@`, since passwords may hold one), the query, the fragment, and whatever has not the
 * form of hosts: in an address that is wrong, a password may stand anywhere.
 */
export function maskUrl(url: string): string {
  const scheme = SCHEME.exec(url)?.[0] ?? "";
  const rest = url.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  const user = at === -1 ? "" : "***@";
  const behind = rest.slice(at + 1);
  // An `@` behind a `?` or `#` may end the user info or stand in the query: nobody can tell.
  if (/[?#]/.test(rest.slice(0, Math.max(at, 0))) || !SHOWN.test(behind)) return `${scheme}***`;
  return `${scheme}${user}${behind.replace(/([?#]).*$/s, "$1***")}`;
}

const LONGEST_SHOWN_CHARS = 120;

function clip(text: string): string {
  return text.length <= LONGEST_SHOWN_CHARS ? text : `${text.slice(0, LONGEST_SHOWN_CHARS)}...`;
}

/** The known name that was meant: the one that differs least, if it is near enough, else the one that begins so. Never one of two. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const whole = nearestBy(name, known, Math.max(2, Math.floor(name.length / 4)), (candidate) => [candidate]);
  return whole ?? nearestBy(name, known, 2, beginningsOf);
}

function nearestBy(
  name: string,
  known: readonly string[],
  mostEdits: number,
  readingsOf: (candidate: string) => readonly string[],
): string | undefined {
  const editsOf = (candidate: string): number =>
    Math.min(...readingsOf(candidate).map((each) => editDistance(name.toLowerCase(), each.toLowerCase())));
  const near = known.map((candidate) => ({ candidate, edits: editsOf(candidate) }));
  const fewest = Math.min(mostEdits, ...near.map(({ edits }) => edits));
  const [nearest, ...others] = near.filter(({ edits }) => edits === fewest);
  return others.length === 0 ? nearest?.candidate : undefined;
}

/** Each that ends with a word, but for the whole. */
function beginningsOf(name: string): readonly string[] {
  return [...name.matchAll(/(?=_)|(?<=[a-z])(?=[A-Z])/g)].map(({ index }) => name.slice(0, index));
}

/** Levenshtein distance with two rows. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (above[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[to.length] ?? 0;
}
