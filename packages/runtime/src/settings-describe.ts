// Renders a settings table for people. Called through the reader of the table, by a command and by a test that holds a
// document to it. Pure.
import type { AnyRow } from "./settings-row.ts";
import { EDGES_RULE } from "./settings-sources.ts";
import type { SettingRows } from "./settings-table.ts";

/** Markdown table, one row a setting: variable, default, unit, meaning, services that read it; and how a value is read. */
export function describeSettings(table: SettingRows): string {
  const rows = Object.values(table).map(
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
