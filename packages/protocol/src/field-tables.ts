/**
 * Field tables for the decoder, read once from the schemas of the client frames: which fields, which are required,
 * and which reader checks each. The schemas stay the only source; a field without a reader stops the program at start.
 */
import { CLIENT_FRAMES } from "./client-frames.ts";
import { FIELD_KIND } from "./fields.ts";
import { isFieldKind, type Reader, READERS } from "./field-readers.ts";
import { isJsonObject } from "./shape.ts";

export interface Field {
  readonly name: string;
  /** Index in {@link FieldTable.inOrder}. */
  readonly index: number;
  /** The field's bit in {@link FieldTable.required}. */
  readonly bit: number;
  /** Ends a refusal: "must be ...". */
  readonly wants: string;
  /** Exactly one of the three: a plain value, an object of fields, a list of such objects. */
  readonly read: Reader | undefined;
  readonly inner: FieldTable | undefined;
  readonly items: FieldTable | undefined;
  readonly minItems: number;
  readonly maxItems: number;
}

export interface FieldTable {
  readonly byName: ReadonlyMap<string, Field>;
  readonly inOrder: readonly Field[];
  /** Bits of the fields that must be there. */
  readonly required: number;
}

/** A rule between fields: answers what is wrong, or undefined. */
type Rule = (frame: Readonly<Record<string, unknown>>) => string | undefined;

/** How one type of frame is read. */
export interface FrameTable {
  readonly type: string;
  readonly form: FieldTable;
  /** The form of a frame that carries `joins`; only `join` has one. */
  readonly listForm: FieldTable | undefined;
  readonly rule: Rule | undefined;
}

function exclusive(one: string, other: string): Rule {
  return (frame) => (one in frame && other in frame ? `"${one}" and "${other}" exclude each other` : undefined);
}

const RULES: Readonly<Record<string, Rule>> = {
  join: exclusive("joins", "channel"),
  history: exclusive("before", "after"),
};

const accept: Reader = (value) => value;

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

function readerOf(name: string, schema: Readonly<Record<string, unknown>>): Reader {
  if ("const" in schema) return accept;
  const kind: unknown = Reflect.get(schema, FIELD_KIND);
  if (!isFieldKind(kind)) throw new Error(`the schema of "${name}" names no reader`);
  return READERS[kind];
}

function fieldOf(name: string, index: number, schema: unknown): Field {
  if (!isJsonObject(schema)) throw new Error(`"${name}" has no schema`);
  const items = schema["items"];
  const list = isJsonObject(items) ? tableOf(items) : undefined;
  const inner = isJsonObject(schema["properties"]) ? tableOf(schema) : undefined;
  return {
    name,
    index,
    bit: 1 << index,
    wants: typeof schema["description"] === "string" ? schema["description"] : "of its type",
    read: list === undefined && inner === undefined ? readerOf(name, schema) : undefined,
    inner,
    items: list,
    minItems: numberOr(schema["minItems"], 0),
    maxItems: numberOr(schema["maxItems"], Number.MAX_SAFE_INTEGER),
  };
}

function tableOf(schema: Readonly<Record<string, unknown>>): FieldTable {
  const { properties, required } = schema;
  if (!isJsonObject(properties)) throw new Error("a frame's schema lists no properties");
  const inOrder = Object.entries(properties).map(([name, field], index) => fieldOf(name, index, field));
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  let bits = 0;
  for (const field of inOrder) if (needed.includes(field.name)) bits |= field.bit;
  return { byName: new Map(inOrder.map((field) => [field.name, field])), inOrder, required: bits };
}

function frameTable(type: string, schema: Readonly<Record<string, unknown>>): FrameTable {
  const forms: readonly unknown[] = Array.isArray(schema["anyOf"]) ? schema["anyOf"] : [schema];
  const [form, listForm] = forms.filter(isJsonObject).map(tableOf);
  if (form === undefined) throw new Error(`the schema of "${type}" has no form`);
  return { type, form, listForm, rule: RULES[type] };
}

/** Type of a client frame -> how it is read. */
export const FRAME_TABLES: ReadonlyMap<string, FrameTable> = new Map(
  Object.entries(CLIENT_FRAMES).map(([type, schema]) => [type, frameTable(type, { ...schema })]),
);
