// Writes a value of a composite type as Postgres reads it, so that all columns of an entry are one element of an array.
// Used for what a batch carries. Pure.
import type { Cell } from "./array-literal.ts";

/** What ends a field or the record, or escapes; an empty text unquoted would be null. */
const SPECIAL = /["\\(),]|^$/;

/** `(1,,text,"a ""b""")`: nothing between two commas is null (https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX). */
export function recordLiteral(cells: readonly Cell[]): string {
  return `(${cells.map(field).join(",")})`;
}

function field(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  return SPECIAL.test(cell) ? `"${cell.replaceAll("\\", "\\\\").replaceAll('"', '""')}"` : cell;
}
