// Renders the settings table for people: the README's section is this text, and a test keeps the two equal.
// Called by `rookery config docs`. Pure.
import type { AnyRow } from "./settings-row.ts";
import { EDGES_RULE, rowsByKey } from "./settings-sources.ts";

/** Markdown table, one row a setting: variable, default, unit, meaning, services that read it; and how a value is read. */
export function describeSettings(): string {
  const rows = [...rowsByKey.values()].map(
    (row) =>
      `| \`${row.env}\`${row.fromFile ? " (`_FILE`)" : ""} | ${defaultText(row)} | ${row.unit} | ` +
      `${row.meaning}${range(row)} | ${row.usedBy.join(", ") || "nobody yet"} |`,
  );
  return [
    "| setting | default | unit | meaning | used by |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
    `Where (\`_FILE\`) stands, a variable of that name may name a file, in UTF-8, that holds the value. Of a value, wherever`,
    `it stands, ${EDGES_RULE}.`,
  ].join("\n");
}

function defaultText(row: AnyRow): string {
  if (row.need === "required") return "required";
  if (row.need === "optional") return "none";
  if (Array.isArray(row.default)) return row.default.length === 0 ? "empty" : `\`${row.default.join(",")}\``;
  return `\`${String(row.default)}\``;
}

function range(row: AnyRow): string {
  return row.expected.startsWith("one of ") ? ` (${row.expected})` : "";
}
