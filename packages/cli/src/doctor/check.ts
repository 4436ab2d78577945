// What a doctor says: one finding for each thing that was looked at, with a fix unless all is well; and how findings about several
// servers become one. Used by every judge of this folder. Pure.

/** `warning`: it runs, and something will be worse than it need be, or could not be seen. `trouble`: it does not run as promised. */
export type Verdict = "ok" | "warning" | "trouble";

/** `fix` is there unless the verdict is ok. Each of the texts is one line. */
export interface Finding {
  readonly verdict: Verdict;
  readonly found: string;
  readonly fix?: string;
}

export interface Check extends Finding {
  readonly name: string;
}

export const ok = (found: string): Finding => ({ verdict: "ok", found });
export const warning = (found: string, fix: string): Finding => ({ verdict: "warning", found, fix });
export const trouble = (found: string, fix: string): Finding => ({ verdict: "trouble", found, fix });

/** One row of a table of judges; undefined where it has nothing to say about these facts. */
export interface Judge<Facts> {
  readonly name: string;
  readonly judge: (facts: Facts) => Finding | undefined;
}

export function judgeBy<Facts>(judges: readonly Judge<Facts>[], facts: Facts): readonly Check[] {
  return judges.flatMap(({ name, judge }) => {
    const finding = judge(facts);
    return finding === undefined ? [] : [{ name, ...finding }];
  });
}

const BY_GRAVITY: readonly Verdict[] = ["trouble", "warning", "ok"];

/** The gravest of several findings, with all that was found of that gravity; undefined of none. */
export function gravest(findings: readonly Finding[]): Finding | undefined {
  const verdict = BY_GRAVITY.find((each) => findings.some((finding) => finding.verdict === each));
  const those = findings.filter((finding) => finding.verdict === verdict);
  const [first] = those;
  if (first === undefined) return undefined;
  return { ...first, found: [...new Set(those.map(({ found }) => found))].join("; ") };
}

const KIB = 1024;
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= KIB && unit < UNITS.length - 1) [value, unit] = [value / KIB, unit + 1];
  return `${Number(value.toFixed(1))} ${UNITS[unit] ?? ""}`;
}
