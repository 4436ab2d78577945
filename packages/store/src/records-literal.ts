// Writes an array of composite values as Postgres reads it, so that a whole batch is one parameter. Used for what a batch
// carries, so some twenty times for each message. Pure.
import type { Cell } from "./array-literal.ts";

/** What an attribute is of an item; `index` from 0. */
export type Column<Item> = (item: Item, index: number) => Cell;

/** What ends a field or the record, or escapes; an empty text unquoted would be null. */
const SPECIAL = /["\\(),]|^$/;
const ESCAPED = /["\\]/;

/**
 * `{"(1,,text)","(2,,\\"a, b\\")"}`: nothing between two commas is null
 * (https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX, arrays.html#ARRAYS-IO).
 */
export function recordsLiteral<Item>(columns: readonly Column<Item>[], items: readonly Item[]): string {
  let text = "{";
  for (const [index, item] of items.entries()) {
    text += index === 0 ? '"(' : ',"(';
    for (let at = 0; at < columns.length; at += 1) {
      const cell = columns[at]?.(item, index) ?? null;
      if (at > 0) text += ",";
      if (cell !== null) text += typeof cell === "number" ? cell : field(cell);
    }
    text += ')"';
  }
  return `${text}}`;
}

/** Quoted for the record where it must be, and the quotes once more for the array. */
function field(text: string): string {
  if (!SPECIAL.test(text)) return text;
  const inRecord = ESCAPED.test(text) ? text.replaceAll("\\", "\\\\\\\\").replaceAll('"', '\\"\\"') : text;
  return `\\"${inRecord}\\"`;
}
