// What came as JSON, from the api or from the browser's storage, looked at before it is believed. Pure.

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What is there under a name, or nothing of anything that has no names. */
export function fieldOf(value: unknown, name: string): unknown {
  return isFields(value) ? value[name] : undefined;
}

export function textOf(value: unknown, name: string): string | undefined {
  const field = fieldOf(value, name);
  return typeof field === "string" ? field : undefined;
}

export function numberOf(value: unknown, name: string): number | undefined {
  const field = fieldOf(value, name);
  return typeof field === "number" ? field : undefined;
}

/** Those of a list that read as one; what is no list has none. */
export function listOf<T>(value: unknown, read: (each: unknown) => T | undefined): readonly T[] {
  if (!Array.isArray(value)) return [];
  return value.map(read).filter((each) => each !== undefined);
}

/** Undefined for a text that is no JSON. */
export function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}
