// How answers of the api are shown to a person: tables of lists, lines of fields, and what came of an order to all edges.
// Pure. What came over the network is shown by visible-text.ts, so that none of it moves the cursor.
import { visibleLine } from "../chat/visible-text.ts";
import { isObject } from "./api-client.ts";
import type { JsonObject } from "./api-client.ts";

/** Fields that hold a time, beside those whose names end in `At`. */
const TIMES: ReadonlySet<string> = new Set(["at", "since", "until", "untilMs"]);

/** A value on one line: times by their field's name as ISO, nothing as `-`. */
function cell(name: string, value: unknown): string {
  if (value === null || value === undefined || value === "") return "-";
  if (typeof value === "number" && (name.endsWith("At") || TIMES.has(name))) return timeText(value);
  if (Array.isArray(value)) return value.map((each) => cell("", each)).join(" ");
  if (isObject(value))
    return Object.entries(value)
      .map(([key, each]) => `${key}=${cell(key, each)}`)
      .join(" ");
  return visibleLine(typeof value === "string" ? value : JSON.stringify(value));
}

function timeText(atMs: number): string {
  const date = new Date(atMs);
  return Number.isNaN(date.getTime()) ? String(atMs) : date.toISOString();
}

/** One line a row under a line of headings, columns as wide as they need to be. */
export function tableLines(rows: readonly JsonObject[], columns: readonly string[]): string[] {
  const lines = [columns, ...rows.map((row) => columns.map((name) => cell(name, row[name])))];
  const widths = columns.map((_, n) => Math.max(...lines.map((line) => (line[n] ?? "").length)));
  return lines.map((line) =>
    line
      .map((text, n) => text.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** `name  value`, one field a line. */
export function fieldLines(fields: JsonObject): string[] {
  const width = Math.max(0, ...Object.keys(fields).map((name) => name.length));
  return Object.entries(fields).map(([name, value]) => `${name.padEnd(width)}  ${cell(name, value)}`);
}

/** The objects of a list in an answer. */
export function listOf(answer: JsonObject, name: string): JsonObject[] {
  const list = answer[name];
  return Array.isArray(list) ? list.filter((each) => isObject(each)) : [];
}

export interface Effect {
  readonly line: string;
  /** Whether every edge has said that it did as told. */
  readonly isConfirmed: boolean;
}

/** What a receipt says; undefined where the answer has none. */
export function effectOf({ receipt }: JsonObject): Effect | undefined {
  if (!isObject(receipt) || !isObject(receipt["nodes"])) return undefined;
  const { confirmed, expected, missing } = receipt["nodes"];
  const names = Array.isArray(missing) ? missing.map(String) : [];
  const counts = `in force on ${String(confirmed)} of ${String(expected)} edges, ${String(receipt["sessionsClosed"])} sessions`;
  const missed =
    names.length === 0
      ? ""
      : `; not confirmed by ${names.join(", ")}: it comes into force there before they serve anybody again`;
  return { line: visibleLine(`${counts}, ${String(receipt["ms"])} ms${missed}`), isConfirmed: names.length === 0 };
}
