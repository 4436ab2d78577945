// Figures of one bench: printed as a table, written as JSON with the machine they were taken on.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";

export interface Report {
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  readonly [fact: string]: unknown;
}

export function publishReport(report: Report): void {
  process.stdout.write(`\n${report.name}\n`);
  console.table(report.rows);
  const machine = {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
  };
  const folder = new URL("../baselines/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const text = JSON.stringify({ ...report, machine, takenAt: new Date().toISOString() }, null, 2);
  writeFileSync(new URL(`${report.name}.json`, folder), `${text}\n`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** What a tenth of the values stay below: the cost while the machine did little else. */
export function quietest(values: readonly number[]): number {
  return quantile(values, 0.1);
}

/** What this share of the values stay below. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

/** Three significant digits: more than these benches can promise would be noise. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}
