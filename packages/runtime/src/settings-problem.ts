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

function problemLine({ key, env, source, got, expected, example }: SettingsProblem): string {
  const name = key === env ? env : `${env} (${key})`;
  const hint = example === "" ? "" : `, for example ${example}`;
  const given = source === NO_SOURCE ? "nothing was given" : `got ${got} from ${source}`;
  return `  ${name}: ${given}; expected ${expected}${hint}`;
}

/** A value as it may be shown: keys by their length alone, addresses without user, password and query. */
export function maskValue(value: unknown, secrecy: Secrecy): string {
  if (value === undefined) return "nothing";
  if (secrecy === "key") {
    return typeof value === "string" ? `a secret of ${Buffer.byteLength(value)} bytes` : "a secret that is not text";
  }
  const shown = typeof value === "string" && secrecy === "url" ? maskUrl(value) : value;
  return clip(JSON.stringify(shown) ?? typeof value);
}

/** Hides user info (up to the last `@`, since passwords may hold one) and the query of an address. */
export function maskUrl(url: string): string {
  return url.replace(/^([a-z+]*:?\/*).*@/is, "$1***@").replace(/\?.*$/s, "?***");
}

const LONGEST_SHOWN_CHARS = 120;

function clip(text: string): string {
  return text.length <= LONGEST_SHOWN_CHARS ? text : `${text.slice(0, LONGEST_SHOWN_CHARS)}...`;
}

/** The known name that differs least, if it is near enough to be what was meant. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let fewestEdits = Math.max(2, Math.floor(name.length / 4)) + 1;
  for (const candidate of known) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewestEdits) [nearest, fewestEdits] = [candidate, edits];
  }
  return nearest;
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
