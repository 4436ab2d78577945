/**
 * The shape that any parsed JSON of a stranger must have before anybody walks, copies or merges it: how deep, how many keys
 * to an object, which names. Asked by the decoder for what no reader looks at, and by the REST API for whole bodies.
 * Pure; its own recursion ends at the depth that it allows.
 */
import { MAX_DEPTH, MAX_KEYS } from "./limits.ts";

/** Keys that reach a prototype when an object is copied or merged carelessly; refused anywhere in a frame. */
export function isForbiddenKey(key: string): boolean {
  return key === "__proto__" || key === "constructor" || key === "prototype";
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const TOO_MANY_KEYS = `an object may hold ${MAX_KEYS} keys at most`;

export function forbiddenKey(key: string): string {
  return `the key "${key}" is not allowed`;
}

/**
 * The first fault, in words that end a `bad_frame`; undefined when there is none. `depth` is the level at which the value
 * stands, the whole being the first; `whole` is what that is called, such as "a frame".
 */
export function shapeFault(value: unknown, depth: number, whole: string): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > MAX_DEPTH) return `${whole} may be ${MAX_DEPTH} levels deep at most`;
  if (Array.isArray(value)) {
    for (const item of value) {
      const fault = shapeFault(item, depth + 1, whole);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  const entries = Object.entries(value);
  for (const [key, item] of entries) {
    const fault = isForbiddenKey(key) ? forbiddenKey(key) : shapeFault(item, depth + 1, whole);
    if (fault !== undefined) return fault;
  }
  return entries.length > MAX_KEYS ? TOO_MANY_KEYS : undefined;
}
