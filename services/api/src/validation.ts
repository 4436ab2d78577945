// Checks path, query and body of a request against a row's schema and names the field that is off, with the meaning the
// protocol gives to its codes: absent or of the wrong type is `bad_frame`, a value that is not allowed is `invalid`.
// Pure; must never change what it was given.
import { ChatError, isJsonObject } from "@rookery/protocol";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";

/** All of a path or a query is text; a body has types. */
export type Part = "path" | "query" | "body";

type Fields = Readonly<Record<string, unknown>>;

interface Refusal {
  readonly code: "bad_frame" | "invalid";
  readonly message: string;
}

/**
 * The checked value, in which whole numbers of a query are numbers. A body that was not sent counts as an empty object.
 * Throws ChatError `bad_frame` or `invalid`; when several fields are off, `bad_frame` is told first.
 */
export function createCheck<S extends TSchema>(schema: S, part: Part): (given: unknown) => Static<S> {
  const compiled = Compile(schema);
  const fields = propertiesOf(schema);
  return (given) => {
    const whole = given === undefined ? {} : given;
    const value = part === "query" && isJsonObject(whole) ? withNumbers(whole, fields) : whole;
    if (compiled.Check(value)) return value;
    const refusals = compiled.Errors(value).map((each) => refusalOf(each, value, fields, part));
    const worst = refusals.find(({ code }) => code === "bad_frame") ?? refusals[0];
    throw new ChatError(worst?.code ?? "invalid", worst?.message ?? `the ${part} is not allowed`);
  };
}

function propertiesOf({ properties }: { properties?: unknown }): ReadonlyMap<string, Fields> {
  const fields = new Map<string, Fields>();
  for (const [name, schema] of Object.entries(isJsonObject(properties) ? properties : {})) {
    if (isJsonObject(schema)) fields.set(name, schema);
  }
  return fields;
}

/** Text of a query to numbers where the schema says so; what is no whole number stays text and is refused. */
function withNumbers(given: Fields, fields: ReadonlyMap<string, Fields>): Fields {
  const read = ([name, value]: readonly [string, unknown]): [string, unknown] => {
    const isNumber = fields.get(name)?.["type"] === "integer" && typeof value === "string" && /^\d{1,15}$/.test(value);
    return [name, isNumber ? Number(value) : value];
  };
  return Object.fromEntries(Object.entries(given).map(read));
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function refusalOf(error: SchemaError, value: unknown, fields: ReadonlyMap<string, Fields>, part: Part): Refusal {
  const path = error.instancePath.split("/").slice(1).map(unescaped);
  if (error.keyword === "required") {
    const names = "requiredProperties" in error.params ? error.params.requiredProperties : [];
    const missing = Array.isArray(names) ? String(names[0]) : "";
    return { code: "bad_frame", message: `"${[...path, missing].join(".")}" is missing` };
  }
  if (path.length === 0) return { code: "bad_frame", message: "the body must be a JSON object" };
  const description = describedAt(fields, path);
  const wants = typeof description === "string" ? `must be ${description}` : error.message;
  const isWrongType = part === "body" && error.keyword === "type" && !isFraction(error, path, value);
  return { code: isWrongType ? "bad_frame" : "invalid", message: `"${path.join(".")}" ${wants}` };
}

/** What the schema says of a field, also of one inside another. */
function describedAt(fields: ReadonlyMap<string, Fields>, [name = "", ...inner]: readonly string[]): unknown {
  const field = fields.get(name);
  if (field === undefined || inner.length === 0) return field?.["description"];
  return describedAt(propertiesOf(field), inner);
}

/** A number that is not whole has the right type and a wrong value. */
function isFraction({ params }: SchemaError, path: readonly string[], value: unknown): boolean {
  let at: unknown = value;
  for (const key of path) at = isJsonObject(at) ? at[key] : undefined;
  return "type" in params && [params.type].flat().includes("integer") && typeof at === "number";
}

/** RFC 6901, section 4. */
function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}
