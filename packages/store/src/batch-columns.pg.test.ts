// The columns of a batch are named in TypeScript and in SQL: the same names in the same order.
import { testPostgres } from "@rookery/testkit";
import { expect, it } from "vitest";
import { AUDIT_COLUMNS, HEAD_COLUMNS } from "./audit-columns.ts";
import { FRESH_COLUMNS, ITEM_COLUMNS, READ_COLUMNS, SPAN_COLUMNS } from "./batch-columns.ts";

const { sql } = await testPostgres();

it.each([
  ["read_position", READ_COLUMNS],
  ["batch_item", ITEM_COLUMNS],
  ["batch_span", SPAN_COLUMNS],
  ["fresh_row", FRESH_COLUMNS],
  ["audit_head", HEAD_COLUMNS],
  ["audit_item", AUDIT_COLUMNS],
] as const)("the type %s has the columns that a batch is written with, in their order", async (type, columns) => {
  const attributes = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = ${type}::regclass and attnum > 0 and not attisdropped order by attnum`;
  expect(attributes.map(({ name }) => name)).toEqual(Object.keys(columns));
});
