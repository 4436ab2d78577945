// Writes arrays as Postgres reads them, so that a column of a batch is one parameter. Used wherever a statement takes an
// array. Pure.

export type Cell = string | number | null;

const SPECIAL = /["\\]/;

/** `{1,null,"text"}` (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
export function arrayLiteral(cells: readonly Cell[]): string {
  return `{${cells.map(element).join(",")}}`;
}

function element(cell: Cell): string {
  if (cell === null) return "null";
  if (typeof cell === "number") return String(cell);
  return SPECIAL.test(cell) ? `"${cell.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : `"${cell}"`;
}
