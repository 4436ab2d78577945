// Owns how outcomes are printed: one table, one line a run, and under it why a run is no good. Called by main.ts. Pure.
import type { Proof } from "./prove.ts";
import type { Outcome } from "./verdict.ts";

const COLUMNS: readonly (readonly [string, (outcome: Outcome) => string | number])[] = [
  ["fault", ({ name }) => name],
  ["injected", ({ injected }) => injected],
  ["sent", ({ counts }) => counts.sent],
  ["acknowledged", ({ counts }) => counts.acknowledged],
  ["unknown", ({ counts }) => counts.unknown],
  ["delivered", ({ counts }) => counts.delivered],
  ["gaps told", ({ counts }) => counts.gaps],
  ["lost", ({ lost }) => lost],
  ["duplicated", ({ duplicated }) => duplicated],
  ["disordered", ({ disordered }) => disordered],
  ["other", ({ otherwise }) => otherwise],
  ["recovery ms", ({ recoveryMs }) => recoveryMs],
  ["verdict", ({ verdict }) => verdict],
];

export function renderTable(outcomes: readonly Outcome[]): string {
  const rows = [
    COLUMNS.map(([title]) => title),
    ...outcomes.map((one) => COLUMNS.map(([, cell]) => String(cell(one)))),
  ];
  return renderRows(rows);
}

/** Columns as wide as their widest cell; names to the left, numbers to the right. */
export function renderRows(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, n) => Math.max(...rows.map((row) => (row[n] ?? "").length)));
  const isNumber = (cell: string): boolean => /^\d+$/.test(cell);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, n) => (isNumber(cell) ? cell.padStart(widths[n] ?? 0) : cell.padEnd(widths[n] ?? 0)))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
}

export function renderProofs(proofs: readonly Proof[]): string {
  const rows = proofs.map(({ name, outcome, rules, isCaught }) => {
    const { sent, acknowledged } = outcome.counts;
    return [
      name,
      outcome.injected,
      sent,
      acknowledged,
      outcome.violations.length,
      isCaught ? "caught" : "NOT CAUGHT",
      rules.join(", "),
    ];
  });
  const titles = ["break", "injected", "sent", "acknowledged", "violations", "verdict", "rules that were broken"];
  return renderRows([titles, ...rows.map((row) => row.map(String))]);
}

const MOST_VIOLATIONS = 5;

/** Why a run is no good; empty for one that held. */
export function renderReasons({ name, verdict, reasons, violations, excerpt, folder }: Outcome): string {
  if (verdict === "held") return "";
  const shown = violations.slice(0, MOST_VIOLATIONS).map(({ rule, detail }) => `  ${rule}: ${detail}`);
  return [
    `${name} ${verdict}; histories in ${folder}`,
    ...reasons.map((reason) => `  ${reason}`),
    ...shown,
    ...(violations.length > MOST_VIOLATIONS ? [`  and ${violations.length - MOST_VIOLATIONS} more`] : []),
    ...(excerpt.length > 0 ? ["  the first of them in the histories:", ...excerpt.map((one) => `    ${one}`)] : []),
  ].join("\n");
}
