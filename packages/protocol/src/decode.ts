/**
 * Turns the bytes of one text frame, or an object that somebody has parsed, into a checked client frame or a refusal.
 * Called by the edge inside the socket callback for every frame and by the REST API for what it publishes, so it is
 * synchronous, pure, bounded by the size of the frame, and must never throw.
 * One walk sees every key once: known fields go to their readers, unknown ones are only checked for their shape.
 */
import type { ClientFrame } from "./client-frames.ts";
import { ChatError } from "./errors.ts";
import { NOT_ALLOWED, type Reading, READERS, TOO_LARGE, WRONG_TYPE } from "./field-readers.ts";
import { findRef } from "./find-ref.ts";
import { type Field, type FieldTable, FRAME_TABLES } from "./field-tables.ts";
import { type FrameLimits, MAX_KEYS } from "./limits.ts";
import { forbiddenKey, isForbiddenKey, isJsonObject, shapeFault, TOO_MANY_KEYS } from "./shape.ts";

/** `ref` when the frame carried a valid one, `type` when it named a frame there is. */
export type Decoded =
  | { readonly kind: "frame"; readonly frame: ClientFrame }
  | { readonly kind: "refusal"; readonly error: ChatError; readonly ref?: string; readonly type?: string };

type RefusalCode = "bad_frame" | "invalid" | "too_large";
type JsonObject = Record<string, unknown>;

/** When several fields are off, the refusal of the highest rank is told, among equals the first. */
const RANK = { bad_frame: 3, invalid: 2, too_large: 1 } as const satisfies Record<RefusalCode, number>;
const NOTHING = 0;

/** State of one walk: what readers share, and the gravest refusal met so far. */
interface Walk extends Reading {
  /** The walk made what it reads and may put cleaned values into it. */
  readonly isOwn: boolean;
  rank: number;
  code: RefusalCode;
  message: string;
}

/**
 * A decoder for the limits in force; it reads the bytes only during the call. Refusals come in this order: size, shape
 * (JSON, depth, keys), unknown type, fields absent or of a wrong type, values not allowed, sizes of body and meta.
 * Source: PROTOCOL.md, "Frames of a client" and "Errors".
 */
export function createDecoder(limits: FrameLimits): (bytes: Uint8Array) => Decoded {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const walk = newWalk(limits, true);
  return (bytes) => {
    if (bytes.length > limits.frameBytes) {
      return refused("too_large", `a frame is over ${limits.frameBytes} bytes`, findRef(bytes));
    }
    let text: string;
    let parsed: unknown;
    try {
      text = utf8.decode(bytes);
      // As many units as bytes means ASCII. Without an escape and without DEL no string in it can hold a control
      // character either, since JSON.parse refuses raw ones: then no text needs to be looked at again.
      walk.plain = text.length === bytes.length && !text.includes("\\") && !text.includes("\x7f");
      parsed = JSON.parse(text);
    } catch {
      return refused("bad_frame", "a frame must be JSON in UTF-8");
    }
    if (!isJsonObject(parsed)) return refused("bad_frame", "a frame must be a JSON object");
    walk.rank = NOTHING;
    walk.source = text;
    return decodeObject(parsed, walk);
  };
}

/**
 * The same for an object that came by another way than a frame of its own: same refusals, same words, same order, but for
 * the size of the frame, which only its bytes have. It is left as it was. Whoever parsed the JSON asks `numbersSurvive`
 * first: a parsed number no longer tells how it was written.
 */
export function readFrame(source: Readonly<Record<string, unknown>>, limits: FrameLimits): Decoded {
  return decodeObject(source, newWalk(limits, false));
}

function newWalk(limits: FrameLimits, isOwn: boolean): Walk {
  return { plain: false, source: undefined, limits, isOwn, rank: NOTHING, code: "bad_frame", message: "" };
}

/** The refusal of a binary frame, which the edge meets before any decoding. */
export function binaryFrameError(): ChatError {
  return new ChatError("bad_frame", "frames are text; a binary frame is not understood");
}

function decodeObject(source: Readonly<JsonObject>, walk: Walk): Decoded {
  const type = source["type"];
  const table = typeof type === "string" ? FRAME_TABLES.get(type) : undefined;
  if (table === undefined) return refuseType(source, walk);
  const broken = table.rule?.(source);
  if (broken !== undefined) refuse(walk, "invalid", `${table.type}: ${broken}`);
  const form = table.listForm !== undefined && "joins" in source ? table.listForm : table.form;
  const frame = readObject(source, form, table.type, "", 1, walk);
  if (!passed(frame, walk)) return refused(walk.code, walk.message, source["ref"], table.type);
  return { kind: "frame", frame };
}

/** A walk without a refusal had every field read by the reader of its schema, and left no other field. */
function passed(frame: JsonObject, walk: Walk): frame is ClientFrame {
  return walk.rank === NOTHING && frame["type"] !== undefined;
}

function refuseType(source: Readonly<JsonObject>, walk: Walk): Decoded {
  const { type, ref } = source;
  checkShape(source, 1, walk);
  if (walk.rank !== NOTHING) return refused(walk.code, walk.message, ref);
  if (typeof type !== "string") return refused("bad_frame", '"type" must be a string', ref);
  return refused("unknown_type", `no frame has the type ${JSON.stringify(type.slice(0, 32))}`, ref);
}

function refused(code: ChatError["code"], message: string, ref?: unknown, type?: string): Decoded {
  const known = typeof ref === "string" && READERS.ref(ref) === ref;
  const error = new ChatError(code, message);
  return { kind: "refusal", error, ...(known ? { ref } : {}), ...(type === undefined ? {} : { type }) };
}

function refuse(walk: Walk, code: RefusalCode, message: string): void {
  const rank = RANK[code];
  if (rank <= walk.rank) return;
  walk.rank = rank;
  walk.code = code;
  walk.message = message;
}

/** Reads the fields of one object. One of ours is cleaned as it stands, and copied only to leave unknown fields behind. */
function readObject(
  source: Readonly<JsonObject>,
  table: FieldTable,
  type: string,
  path: string,
  depth: number,
  walk: Walk,
): JsonObject {
  const target: JsonObject = walk.isOwn ? source : { ...source };
  let seen = 0;
  let keys = 0;
  let next = 0;
  let unknown = false;
  for (const key in source) {
    keys++;
    // Clients mostly write fields in the order of the table: comparing with the next one spares the look-up.
    const guess = table.inOrder[next];
    const field = guess !== undefined && guess.name === key ? guess : table.byName.get(key);
    const value = source[key];
    if (field === undefined) {
      unknown = true;
      if (isForbiddenKey(key)) refuse(walk, "bad_frame", forbiddenKey(key));
      else checkShape(value, depth + 1, walk);
      continue;
    }
    next = field.index + 1;
    seen |= field.bit;
    const clean =
      field.read === undefined ? readNested(value, field, type, path, depth, walk) : field.read(value, walk);
    if (clean === value) continue;
    if (typeof clean === "symbol") refuseField(walk, clean, type, path, field);
    else target[key] = clean;
  }
  if (keys > MAX_KEYS) refuse(walk, "bad_frame", TOO_MANY_KEYS);
  const missing = table.required & ~seen;
  if (missing !== 0) refuseMissing(walk, missing, type, path, table);
  return unknown ? onlyKnown(target, table) : target;
}

function readNested(value: unknown, field: Field, type: string, path: string, depth: number, walk: Walk): unknown {
  const at = `${path}${field.name}`;
  if (field.inner !== undefined) {
    return isJsonObject(value) ? readObject(value, field.inner, type, `${at}.`, depth + 1, walk) : WRONG_TYPE;
  }
  if (field.items === undefined || !Array.isArray(value)) return WRONG_TYPE;
  const list: readonly unknown[] = value;
  if (list.length < field.minItems || list.length > field.maxItems) {
    checkShape(list, depth + 1, walk);
    return NOT_ALLOWED;
  }
  const items = field.items;
  const clean: unknown[] = [];
  for (const [index, item] of list.entries()) {
    if (!isJsonObject(item)) return WRONG_TYPE;
    clean.push(readObject(item, items, type, `${at}[${index}].`, depth + 2, walk));
  }
  return clean;
}

function onlyKnown(source: JsonObject, table: FieldTable): JsonObject {
  const known: JsonObject = {};
  for (const { name } of table.inOrder) if (Object.hasOwn(source, name)) known[name] = source[name];
  return known;
}

function refuseField(walk: Walk, verdict: symbol, type: string, path: string, field: Field): void {
  const name = `${type}: "${path}${field.name}"`;
  if (verdict === TOO_LARGE) {
    const bytes = field.name === "meta" ? walk.limits.metaBytes : walk.limits.bodyBytes;
    refuse(walk, "too_large", `${name} is over ${bytes} bytes`);
  } else {
    refuse(walk, verdict === WRONG_TYPE ? "bad_frame" : "invalid", `${name} must be ${field.wants}`);
  }
}

function refuseMissing(walk: Walk, missing: number, type: string, path: string, table: FieldTable): void {
  const field = table.inOrder.find(({ bit }) => (bit & missing) !== 0);
  if (field !== undefined)
    refuse(walk, "bad_frame", `${type}: "${path}${field.name}" is absent, it must be ${field.wants}`);
}

/** A value that nobody reads. */
function checkShape(value: unknown, depth: number, walk: Walk): void {
  const fault = shapeFault(value, depth, "a frame");
  if (fault !== undefined) refuse(walk, "bad_frame", fault);
}
