import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CLIENT_FRAMES } from "./client-frames.ts";
import { CLOSES } from "./closes.ts";
import { ERRORS } from "./errors.ts";
import * as limits from "./limits.ts";
import { OK_BODIES, SERVER_FRAMES } from "./server-frames.ts";
import { isJsonObject } from "./shape.ts";

const document = readFileSync(new URL("../PROTOCOL.md", import.meta.url), "utf8");

function cells(line: string): string[] {
  return line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

/** Cells of the table that has this header, without the two header lines. */
function table(...header: readonly string[]): string[][] {
  const lines = document.split("\n");
  const start = lines.findIndex((line) => cells(line).join() === header.join());
  expect(start, `a table with the header ${header.join(", ")}`).toBeGreaterThan(0);
  const rows: string[][] = [];
  for (let i = start + 2; lines[i]?.startsWith("|") ?? false; i++) {
    rows.push(cells(lines[i] ?? ""));
  }
  return rows;
}

const word = (cell: string | undefined): string => (cell ?? "").replaceAll("`", "");
const fieldsOf = (cell: string | undefined): string[] => (cell === "" ? [] : word(cell).split(", ")).toSorted();

/** Fields as the document writes them: `?` after those that may be absent. `type` and a frame's `ref` are left out. */
function schemaFields(schema: object, left: readonly string[]): string[] {
  const { properties, required } = { properties: {}, required: [], ...schema };
  const needed: readonly string[] = Array.isArray(required) ? required : [];
  const names = Object.keys(properties).filter((name) => !left.includes(name));
  return names.map((name) => (needed.includes(name) ? name : `${name}?`)).toSorted();
}

function forms(schema: object): object[] {
  return "anyOf" in schema && Array.isArray(schema.anyOf) ? schema.anyOf.filter(isJsonObject) : [schema];
}

describe("PROTOCOL.md and the tables tell the same", () => {
  it("lists every client frame with its fields", () => {
    const coded = Object.entries(CLIENT_FRAMES).flatMap(([type, schema]) =>
      forms(schema).map((form) => [type, schemaFields(form, ["type", "ref"])]),
    );
    const told = table("type", "fields", "what it asks for").map(([type, fields]) => [word(type), fieldsOf(fields)]);
    expect(told).toEqual(coded);
  });

  it("lists what every ok adds", () => {
    const coded = Object.entries(OK_BODIES).map(([type, schema]) => [type, schemaFields(schema, [])]);
    expect(table("reply to", "fields", "notes").map(([type, fields]) => [word(type), fieldsOf(fields)])).toEqual(coded);
  });

  it("lists every server frame with its fields", () => {
    const coded = Object.entries(SERVER_FRAMES).map(([type, schema]) => [type, schemaFields(schema, ["type"])]);
    expect(table("type", "fields", "when").map(([type, fields]) => [word(type), fieldsOf(fields)])).toEqual(coded);
  });

  it("lists every error with its retry and status", () => {
    const coded = Object.entries(ERRORS).map(([code, row]) => [code, row.retry, row.http]);
    const told = table("code", "when", "retry", "HTTP").map(([code, , retry, http]) => [
      word(code),
      word(retry),
      Number(http),
    ]);
    expect(told).toEqual(coded);
  });

  it("lists every close code with what a client does", () => {
    const coded = Object.entries(CLOSES).map(([name, row]) => [row.code, name, row.action]);
    const told = table("code", "word", "client", "why").map(([code, name, then]) => [
      Number(code),
      word(name),
      word(then),
    ]);
    expect(told).toEqual(coded);
  });

  it("lists every limit with its value", () => {
    const told = table("field", "default", "counts").map(([name, value]) => [word(name), Number(value)]);
    expect(told).toEqual(Object.entries(limits.DEFAULT_LIMITS));
    const fixed = Object.entries(limits).filter(([, value]) => typeof value === "number");
    const names = table("name", "value", "meaning").map(([name, value]) => [word(name), Number(value)]);
    expect(Object.fromEntries(names)).toEqual(Object.fromEntries(fixed));
    expect(names.length).toBe(fixed.length);
  });
});
